/**
 * `amsu-proxy serve`: runs the proxy until it is told to stop.
 */
import type { DestinationStream, Logger } from 'pino'
import { createApp } from '../app.ts'
import { delay, systemClock } from '../clock.ts'
import { loadConfigAtStart, type Config, type Environment } from '../config/config.ts'
import { runtimeWarnings } from '../config/runtime.ts'
import { secretSettings } from '../config/settings.ts'
import { ConfigError } from '../errors.ts'
import { createAccessLog } from '../logging/access-log.ts'
import { createLogger } from '../logging/logger.ts'
import { codeOf } from '../relay/upstream-errors.ts'
import { createMasker } from '../secrets/masker.ts'

/** How long a signal waits for what is just being opened, in milliseconds: the name of a listener may take long to be found. */
const OPEN_TIMEOUT_MS = 1_000

/** The process, as a command sees it. */
export interface Process {
  readonly environment: Environment
  readonly dotenvPath: string
  readonly nodeVersion: string
  /** Version of this program. */
  readonly version: () => string
  /** Where log lines go, and how many of them were lost. */
  readonly destination: DestinationStream & { readonly droppedLines: number }
  /** Writes a line for a person who has just started the program in vain. */
  readonly printError: (line: string) => void
  /** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. Until this is called, so does the first. */
  readonly untilStopped: () => Promise<string>
  /** Takes variables out of the environment. */
  readonly unsetEnv: (names: readonly string[]) => void
  /** Calls `handle` at each SIGHUP. */
  readonly onReload: (handle: () => void) => void
  /** Calls `handle` for an error nobody caught. */
  readonly onFatal: (handle: (error: unknown) => void) => void
}

/**
 * Runs the proxy.
 *
 * @returns the exit code: 0 after a signal, 1 when it can not start or run, 2 when it is not configured
 */
export async function serve (process: Process): Promise<number> {
  const config = await readConfig(process)
  if (config === undefined) return 2
  // A child would inherit them, and a dump would print them.
  process.unsetEnv(secretSettings)
  const masker = createMasker()
  const logging = { level: config.logLevel, masker, destination: process.destination }
  const log = createLogger(logging)
  for (const warning of [...config.warnings, ...runtimeWarnings(process.nodeVersion, systemClock.wall())]) log.warn(warning)

  const app = await createApp(config, {
    clock: systemClock,
    random: Math.random,
    log,
    logOutcome: createAccessLog(logging),
    masker,
    build: { version: process.version(), node: process.nodeVersion },
    droppedLogLines: () => process.destination.droppedLines,
  })
  const stopped = process.untilStopped()
  try {
    const addresses = await Promise.race([app.open(), stopped.then(async () => await delay(OPEN_TIMEOUT_MS, systemClock))])
    // Nothing was opened that would have to be closed.
    if (addresses === undefined) return 0
    const { address, adminAddress } = addresses
    // Said at every level: with PORT=0 nothing else tells the port.
    createLogger({ ...logging, level: 'info' }).info({ address, adminAddress }, `amsu-proxy listens on ${address}`)
  } catch (error) {
    log.fatal({ err: error }, 'can not listen')
    process.printError(`amsu-proxy can not listen (${codeOf(error)})${codeOf(error) === 'EADDRINUSE' ? ': another program listens there; stop it, or choose another address' : ''}`)
    await app.stop()
    return 1
  }
  return await run(process, app, stopped, config.shutdownGraceMs, log)
}

/** Runs what is open until a signal or an error that nobody caught. */
async function run (process: Process, app: Awaited<ReturnType<typeof createApp>>, stopped: Promise<string>, graceMs: number, log: Logger): Promise<number> {
  process.onReload(() => {
    log.info('reading secrets, callers and certificates again')
    app.reload()
  })
  const fatal = new Promise<number>(resolve => {
    process.onFatal(error => {
      log.fatal({ err: error }, 'uncaught error, stopping')
      resolve(1)
    })
  })
  const exitCode = await Promise.race([fatal, stopped.then(signal => {
    log.info({ signal, graceMs }, 'stopping')
    return 0
  })])
  await app.stop()
  log.info('stopped')
  return exitCode
}

async function readConfig ({ environment, dotenvPath, printError }: Process): Promise<Config | undefined> {
  try {
    return await loadConfigAtStart(environment, dotenvPath)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    printError('amsu-proxy is not configured:')
    for (const problem of error.problems) printError(`  ${problem}`)
    return undefined
  }
}
