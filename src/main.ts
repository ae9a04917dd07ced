#!/usr/bin/env node
/**
 * The process: arguments, signals, exit codes. The only file that touches `process`.
 */
import { readFileSync } from 'node:fs'
import pino, { type DestinationStream } from 'pino'
import { nearestName } from './config/nearest-name.ts'
import { serve, type Process } from './commands/serve.ts'

/** What `--help` prints. */
const USAGE = `Usage: amsu-proxy [command]

A local reverse proxy for AMSU: holds the app credentials, keeps one access token
fresh, and relays /amsu-analysis/ with it.

Commands:
  serve        run the proxy (default)

Options:
  --help       show this
  --version    show the version

Settings come from the environment and from .env in the working directory.
Required: AMSU_CLIENT_ID and AMSU_CLIENT_SECRET, or AMSU_CLIENT_ID_FILE and
AMSU_CLIENT_SECRET_FILE. .env.example documents all of them.
`

/** Bytes of log that may wait to be written; further lines are dropped. */
const LARGEST_LOG_BACKLOG = 4 * 1_048_576

/** How long the last lines may take to be written, in milliseconds. */
const FLUSH_TIMEOUT_MS = 500

/** What a command line may start with. */
const WORDS = ['serve', '--help', '--version']

async function run ([word = 'serve', ...rest]: readonly string[]): Promise<number> {
  if (word === '--help' || word === '-h') return print(USAGE)
  if (word === '--version') return print(`${version()}\n`)
  if (word === 'serve' && rest.length === 0) return await serve(await thisProcess())
  const isExtra = word === 'serve'
  complain(isExtra ? `amsu-proxy serve takes no arguments: ${rest.length} given` : `amsu-proxy: unknown command; did you mean ${nearestName(word, WORDS)}?`)
  complain('Try amsu-proxy --help.')
  return 2
}

async function thisProcess (): Promise<Process> {
  return {
    environment: process.env,
    dotenvPath: '.env',
    nodeVersion: process.version,
    version,
    destination: await logDestination(),
    complain,
    untilStopped,
    forget (names) {
      for (const name of names) Reflect.deleteProperty(process.env, name)
    },
    onReload (handle) {
      process.on('SIGHUP', handle)
      // Without a listener Node would open the debugger to everybody on this machine.
      process.on('SIGUSR1', () => {})
    },
    onFatal (handle) {
      process.once('uncaughtException', handle)
      process.once('unhandledRejection', handle)
      // What fails while the process stops because of the first failure adds nothing, and must not end it half-way.
      process.on('uncaughtException', () => {})
      process.on('unhandledRejection', () => {})
    },
  }
}

/**
 * Lines for machines go to standard output, a person at a terminal gets them pretty. They are written behind the requests: a
 * reader that is stuck, a closed pipe or a full disk costs lines, never a request.
 */
async function logDestination (): Promise<DestinationStream> {
  if (!process.stdout.isTTY) {
    const destination = pino.destination({ dest: 1, sync: false, maxLength: LARGEST_LOG_BACKLOG })
    destination.on('error', () => {}) // there is nowhere to say it
    flushLog = async () => { await flush(destination) }
    return destination
  }
  const { default: pretty } = await import('pino-pretty')
  return pretty({ colorize: true, translateTime: 'SYS:HH:MM:ss.l', destination: 1, sync: true })
}

/** Resolves when what was logged has been written, or could not be in time. */
async function flush (destination: ReturnType<typeof pino.destination>): Promise<void> {
  await new Promise<void>(resolve => {
    setTimeout(resolve, FLUSH_TIMEOUT_MS)
    destination.flush(() => { resolve() })
  })
  // pino flushes once more when the process exits, and that would try for ever on a full disk.
  destination.flushSync = () => {}
}

async function untilStopped (): Promise<string> {
  return await new Promise(resolve => {
    let isStopping = false
    const onSignal = (signal: string): void => {
      if (isStopping) process.exit(1)
      isStopping = true
      resolve(signal)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}

function version (): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return manifest.version
}

function print (text: string): number {
  process.stdout.write(text)
  return 0
}

function complain (line: string): void {
  process.stderr.write(`${line}\n`)
}

// No timer of the program keeps the process alive, and while it stops nothing else may: without this Node would end it half-way.
const keptAlive = setInterval(() => {}, 2 ** 30)
let flushLog = async (): Promise<void> => {}
process.exitCode = await run(process.argv.slice(2))
await flushLog()
clearInterval(keptAlive)
// Sockets of a library that is slow to let go must not keep a stopped proxy alive.
process.exit()
