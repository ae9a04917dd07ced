/**
 * `amsu-proxy serve`: runs the proxy until a signal stops it.
 * The graceful shutdown after SIGTERM is in lifecycle.ts; relay/relay.ts drains the requests in flight.
 */
import type { DestinationStream, Logger } from 'pino'
import { createApp } from '../app.ts'
import { delay, systemClock } from '../clock.ts'
import { loadConfigAtStart, type Config, type Environment } from '../config/config.ts'
import { runtimeWarnings } from '../config/runtime.ts'
import { secretSettings } from '../config/settings.ts'
import { codeOf, ConfigError } from '../errors.ts'
import { createAccessLog } from '../logging/access-log.ts'
import { createLogger } from '../logging/logger.ts'
import { createMasker } from '../secrets/masker.ts'

/** How long a signal waits for listeners that are being opened, in milliseconds: resolving the name of HOST may take long. */
const OPEN_TIMEOUT_MS = 1_000

/** What this command needs of the process. */
export interface Process {
  readonly environment: Environment
  readonly dotenvPath: string
  readonly nodeVersion: string
  /** Options of Node.js: those of the environment, then those of the command line. */
  readonly nodeOptions?: string
  /** Version of this program. */
  readonly version: () => string
  /** Where log lines are written, and how many of them were lost. */
  readonly destination: DestinationStream & { readonly droppedLines: number }
  /** Writes a line to standard error, for a person whose start of the program failed. */
  readonly printError: (line: string) => void
  /** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. Before this is called, the first one ends it too. */
  readonly untilStopped: () => Promise<string>
  /** Removes variables from the environment. */
  readonly unsetEnv: (names: readonly string[]) => void
  /** Calls `handle` at each SIGHUP. */
  readonly onReload: (handle: () => void) => void
  /** Calls `handle` for an uncaught error. */
  readonly onFatal: (handle: (error: unknown) => void) => void
}

/**
 * Runs the proxy.
 *
 * @returns the exit code: 0 after a signal, 1 if it cannot start or run, 2 if it is not configured
 */
export async function serve (process: Process): Promise<number> {
  const config = await readConfig(process)
  if (config === undefined) return 2
  // A child process would inherit the secrets, and a dump would print them.
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
    nodeOptions: process.nodeOptions ?? '',
    build: { version: process.version(), node: process.nodeVersion },
    droppedLogLines: () => process.destination.droppedLines,
  })
  const stopped = process.untilStopped()
  try {
    const addresses = await Promise.race([app.open(), stopped.then(async () => await delay(OPEN_TIMEOUT_MS, systemClock))])
    // Nothing is open yet, so nothing has to be closed.
    if (addresses === undefined) return 0
    const { address, adminAddress } = addresses
    // Written at every log level: with PORT=0 only this line names the port.
    createLogger({ ...logging, level: 'info' }).info({ address, adminAddress }, `amsu-proxy listens on ${address}`)
  } catch (error) {
    log.fatal({ err: error }, 'the proxy cannot listen, choose another address or port')
    process.printError(`amsu-proxy cannot listen (${codeOf(error)})${codeOf(error) === 'EADDRINUSE' ? ': another program listens there; stop it, or choose another address' : ''}`)
    await app.stop()
    return 1
  }
  return await run(process, app, stopped, config.shutdownGraceMs, log)
}

/** Runs the open proxy until a signal or an uncaught error. */
async function run (process: Process, app: Awaited<ReturnType<typeof createApp>>, stopped: Promise<string>, graceMs: number, log: Logger): Promise<number> {
  process.onReload(() => {
    log.info('the proxy reads secrets, callers and certificates again')
    app.reload()
  })
  const fatal = new Promise<number>(resolve => {
    process.onFatal(error => {
      log.fatal({ err: error }, 'the proxy stops because of an uncaught error')
      resolve(1)
    })
  })
  const exitCode = await Promise.race([fatal, stopped.then(signal => {
    log.info({ signal, graceMs }, 'the proxy is stopping')
    return 0
  })])
  await app.stop()
  log.info('the proxy has stopped')
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
