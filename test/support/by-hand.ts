/**
 * What the programs that people start by hand have in common: demo, soak and benchmark.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util'

/** Signals that end such a program, and its exit code then. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Milliseconds between two looks at whether npm is still there. */
const ORPHAN_CHECK_MS = 250

/** A command line that cannot be followed. */
export class UsageError extends Error {}

/**
 * Runs a program with its arguments; its exit code is what `run` resolves to, and 2 for a command line that cannot be followed.
 *
 * @param name what comes after `npm run`
 */
export async function runByHand (name: string, run: (args: string[]) => Promise<number>): Promise<void> {
  try {
    process.exitCode = await run(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${name}: ${error.message}\nTry npm run ${name} -- --help.\n`)
    process.exitCode = 2
  }
}

/**
 * Reads a command line as `parseArgs` does.
 *
 * @throws UsageError for anything that `config` does not know
 */
export function readArgs<Config extends ParseArgsConfig> (config: Config): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** Reads a whole number of a command line. @throws UsageError if it is none, or out of range */
export function wholeNumber (name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most) throw new UsageError(`--${name} must be a whole number from ${least} to ${most}`)
  return value
}

/** Prints a line. */
export function print (line: string): void {
  process.stdout.write(`${line}\n`)
}

/**
 * Runs `work` with a signal that aborts when the program is told to end.
 *
 * @param limitMs after which it counts as hung, and the process exits with 1
 * @returns what `work` returns as exit code; that of the signal if it was stopped; 1 after an error, which is printed
 */
export async function runUntilTold (name: string, limitMs: number, work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const stop = new AbortController()
  let stopCode = 1
  whenToldToEnd(exitCode => {
    stopCode = exitCode
    stop.abort()
  })
  setTimeout(() => {
    process.stderr.write(`${name}: hung\n`)
    process.exit(1)
  }, limitMs).unref()
  try {
    return await work(stop.signal)
  } catch (error) {
    if (stop.signal.aborted) return stopCode
    process.stderr.write(`${name}: ${(error as Error).stack}\n`)
    return 1
  }
}

/** Calls `end` with an exit code, once: at a signal, or when the parent process or the reader of its output is gone. */
export function whenToldToEnd (end: (exitCode: number) => void): void {
  let isTold = false
  const tell = (exitCode: number): void => {
    if (!isTold) end(exitCode)
    isTold = true
  }
  for (const [name, exitCode] of Object.entries(EXIT_CODES)) process.on(name, () => { tell(exitCode) })
  // The reader of the output is gone, as in `npm run demo | head`.
  process.stdout.on('error', () => { tell(1) })
  whenOrphaned(() => { tell(EXIT_CODES.SIGTERM) })
}

/** A SIGTERM for npm ends npm and its shell, and is not passed on: all we see is another parent. */
function whenOrphaned (end: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return
  const parent = process.ppid
  setInterval(() => { if (process.ppid !== parent) end() }, ORPHAN_CHECK_MS).unref()
}
