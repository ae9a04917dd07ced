/**
 * Runs what the command line asks for, and ends the process with its exit code.
 */
import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { systemClock } from './clock.ts'
import { parseCommandLine, type CommandLine } from './commands/command-line.ts'
import type { Process } from './commands/serve.ts'
import { usage } from './commands/usage.ts'
import { createLogDestination, type LogDestination } from './logging/log-destination.ts'

/** Its file descriptor. */
const STANDARD_OUTPUT = 1

/** Where settings are read besides the environment. */
const DOTENV_PATH = '.env'

/** Exit codes of a shell for what was ended by a signal: 128 and its number. */
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/**
 * How soon after a Ctrl-C another SIGINT is the same one, in milliseconds, when npm runs the program: the terminal sends it to both,
 * and npm passes its own on.
 */
const ECHO_MS = 500

/** A signal that asks the process to end. */
export type StopSignal = 'SIGTERM' | 'SIGINT'

/** The signals of the process, from its first moment on. The handler that was set last is called. */
export interface Signals {
  /** Calls `handle` at each SIGTERM and SIGINT, and now for those that came before. */
  readonly onStop: (handle: (signal: StopSignal) => void) => void
  /** Calls `handle` at each SIGHUP, and now if one came before. */
  readonly onReload: (handle: () => void) => void
}

/** Runs the process to its end. */
export async function runProgram (process: NodeJS.Process, signals: Signals): Promise<never> {
  // No timer of the program keeps the process alive, and while it stops nothing else may: without this Node would end it half-way.
  setInterval(() => {}, 2 ** 30)
  process.stdout.on('error', () => {}) // a reader that has left, as `| head` does
  const commandLine = parseCommandLine(process.argv.slice(2))
  signals.onStop(signal => { endBy(process, signal, commandLine.command === 'serve') })
  if (commandLine.command !== 'serve') signals.onReload(() => { endBy(process, 'SIGHUP') })
  const code = await runCommand(process, signals, commandLine)
  if (commandLine.command !== 'serve') await untilPrinted(process)
  // Sockets of a library that is slow to let go must not keep a stopped proxy alive.
  process.exit(code)
}

/** Each command loads what it needs and no more: a health check must not cost a whole proxy. */
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

/** Resolves when standard output has been taken: a pipe may still be full of it. */
async function untilPrinted ({ stdout }: NodeJS.Process): Promise<void> {
  await new Promise(resolve => { stdout.write('', resolve) })
}

/**
 * Ends at once. A proxy that has opened nothing yet has stopped well; a command ends as a program does that does not know the signal,
 * so that a shell which runs it stops too.
 */
function endBy (process: NodeJS.Process, signal: StopSignal | 'SIGHUP', isProxy = false): void {
  if (isProxy) process.exit(0)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  // The first process of a container is not ended by a signal it does not listen to (pid_namespaces(7)).
  process.exit(EXIT_CODES[signal])
}

function thisProcess (process: NodeJS.Process, signals: Signals, destination: LogDestination): Process {
  return {
    environment: process.env,
    dotenvPath: DOTENV_PATH,
    nodeVersion: process.version,
    version,
    destination,
    printError (line) { process.stderr.write(`${line}\n`) },
    untilStopped: async () => await untilStopped(process, signals),
    unsetEnv: unsetIn(process),
    onReload: signals.onReload,
    onFatal (handle) {
      process.once('uncaughtException', handle)
      process.once('unhandledRejection', handle)
      // What fails while the process stops because of the first failure adds nothing, and must not end it half-way.
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

/** Lines for machines go to standard output; a person at a terminal gets them readable. */
async function logDestination (process: NodeJS.Process): Promise<LogDestination> {
  if (process.stdout.isTTY) {
    const { createTerminalFormat, openTerminal } = await import('./logging/terminal.ts')
    return createLogDestination(openTerminal(), systemClock, createTerminalFormat(isColored(process)))
  }
  // Node writes to a pipe without waiting for its reader; to a file it would never write again after a full disk.
  return createLogDestination(process.stdout instanceof Socket ? process.stdout : STANDARD_OUTPUT, systemClock)
}

function version (): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return manifest.version
}

function unsetIn ({ env }: NodeJS.Process): (names: readonly string[]) => void {
  return names => { for (const name of names) Reflect.deleteProperty(env, name) }
}

/** A person at a terminal who has not asked for none (no-color.org). */
function isColored ({ stdout, env }: NodeJS.Process): boolean {
  return stdout.isTTY && (env['NO_COLOR'] ?? '') === ''
}
