/**
 * Runs the command of the command line, and ends the process with its exit code.
 */
import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { systemClock } from './clock.ts'
import { parseCommandLine, type CommandLine } from './commands/command-line.ts'
import type { Process } from './commands/serve.ts'
import { usage } from './commands/usage.ts'
import { createLogDestination, type LogDestination } from './logging/log-destination.ts'

/** The file descriptor of standard output. */
const STANDARD_OUTPUT = 1

/** The file of settings, read in addition to the environment. */
const DOTENV_PATH = '.env'

/** Exit codes of a process that a signal ended, as shells report them: 128 plus the signal's number. */
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/**
 * How soon after a Ctrl-C another SIGINT counts as the same one, in milliseconds, if npm runs the program: the terminal sends SIGINT to
 * both, and npm forwards its own.
 */
const ECHO_MS = 500

/** A signal that asks the process to end. */
export type StopSignal = 'SIGTERM' | 'SIGINT'

/** The signals of the process, from its start. The handler that was set last is called. */
export interface Signals {
  /** Calls `handle` at each SIGTERM and SIGINT, and at once for earlier ones. */
  readonly onStop: (handle: (signal: StopSignal) => void) => void
  /** Calls `handle` at each SIGHUP, and at once if there was an earlier one. */
  readonly onReload: (handle: () => void) => void
}

/** Runs the process to its end. */
export async function runProgram (process: NodeJS.Process, signals: Signals): Promise<never> {
  // No timer of the program keeps the process alive. Without this one, Node could end it in the middle of a shutdown.
  setInterval(() => {}, 2 ** 30)
  process.stdout.on('error', () => {}) // the reader has closed the pipe, as `| head` does
  const commandLine = parseCommandLine(process.argv.slice(2))
  signals.onStop(signal => { endBy(process, signal, commandLine.command === 'serve') })
  if (commandLine.command !== 'serve') signals.onReload(() => { endBy(process, 'SIGHUP') })
  const code = await runCommand(process, signals, commandLine)
  if (commandLine.command !== 'serve') await untilPrinted(process)
  // Sockets that a library closes late must not keep a stopped proxy alive.
  process.exit(code)
}

/** Each command loads only the modules that it needs: a health check must not load the complete proxy. */
async function runCommand (process: NodeJS.Process, signals: Signals, commandLine: CommandLine): Promise<number> {
  const write = (text: string): void => { process.stdout.write(text) }
  const context = { environment: process.env, dotenvPath: DOTENV_PATH, clock: systemClock, write, print (line: string) { write(`${line}\n`) } }
  switch (commandLine.command) {
    case 'help':
      write(usage(commandLine.topic))
      return 0
    case 'version':
      write(`${version()}\n`)
      return 0
    case 'usage_error':
      process.stderr.write(`${commandLine.problem}\nTry amsu-proxy --help.\n`)
      return 2
    case 'serve':
      return await runServe(process, signals)
    case 'check': {
      const { check } = await import('./commands/check.ts')
      return await check({ ...context, isColored: isColored(process), unsetEnv: unsetIn(process) }, commandLine.isJson)
    }
    case 'healthcheck': {
      const { healthcheck } = await import('./commands/healthcheck.ts')
      return await healthcheck(context)
    }
    case 'wait': {
      const { wait } = await import('./commands/wait.ts')
      return await wait(context, commandLine.timeoutMs)
    }
  }
}

async function runServe (process: NodeJS.Process, signals: Signals): Promise<number> {
  const [{ serve }, destination] = await Promise.all([import('./commands/serve.ts'), logDestination(process)])
  const code = await serve(thisProcess(process, signals, destination))
  await destination.close()
  return code
}

/** Resolves when standard output is written: a pipe may still be full. */
async function untilPrinted ({ stdout }: NodeJS.Process): Promise<void> {
  await new Promise(resolve => { stdout.write('', resolve) })
}

/**
 * Ends the process at once. A proxy that has opened nothing yet exits with 0. A command ends as a program without a handler for the
 * signal does, so that a shell script that runs it stops too.
 */
function endBy (process: NodeJS.Process, signal: StopSignal | 'SIGHUP', isProxy = false): void {
  if (isProxy) process.exit(0)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  // A signal without a handler does not end the first process of a container (pid_namespaces(7)).
  process.exit(EXIT_CODES[signal])
}

function thisProcess (process: NodeJS.Process, signals: Signals, destination: LogDestination): Process {
  return {
    environment: process.env,
    dotenvPath: DOTENV_PATH,
    nodeVersion: process.version,
    nodeOptions: [process.env['NODE_OPTIONS'], ...process.execArgv].join(' '),
    version,
    destination,
    printError (line) { process.stderr.write(`${line}\n`) },
    untilStopped: async () => await untilStopped(process, signals),
    unsetEnv: unsetIn(process),
    onReload: signals.onReload,
    onFatal (handle) {
      process.once('uncaughtException', handle)
      process.once('unhandledRejection', handle)
      // A further failure during the shutdown adds no information, and must not interrupt the shutdown.
      process.on('uncaughtException', () => {})
      process.on('unhandledRejection', () => {})
    },
  }
}

/** Resolves at the first signal; a second one ends the process at once. */
async function untilStopped (process: NodeJS.Process, signals: Signals): Promise<string> {
  const isRunByNpm = process.env['npm_lifecycle_event'] !== undefined
  return await new Promise(resolve => {
    let first: { readonly signal: StopSignal, readonly at: number } | undefined
    signals.onStop(signal => {
      const at = systemClock.monotonic()
      const isEcho = isRunByNpm && signal === 'SIGINT' && first?.signal === 'SIGINT' && at - first.at < ECHO_MS
      if (first !== undefined && !isEcho) process.exit(1)
      first ??= { signal, at }
      resolve(signal)
    })
  })
}

/** Writes JSON lines to standard output, and readable lines if that is a terminal. */
async function logDestination (process: NodeJS.Process): Promise<LogDestination> {
  if (process.stdout.isTTY) {
    const { createTerminalFormat, openTerminal } = await import('./logging/terminal.ts')
    return createLogDestination(openTerminal(), systemClock, createTerminalFormat(isColored(process)))
  }
  // Node writes to a pipe without blocking. To a file it would never write again after a full disk, so DescriptorWriter does.
  return createLogDestination(process.stdout instanceof Socket ? process.stdout : STANDARD_OUTPUT, systemClock)
}

function version (): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return manifest.version
}

function unsetIn ({ env }: NodeJS.Process): (names: readonly string[]) => void {
  return names => { for (const name of names) Reflect.deleteProperty(env, name) }
}

/** Whether standard output is a terminal and NO_COLOR is not set (no-color.org). */
function isColored ({ stdout, env }: NodeJS.Process): boolean {
  return stdout.isTTY && (env['NO_COLOR'] ?? '') === ''
}
