#!/usr/bin/env node
/**
 * The process: arguments, signals, exit codes. The only file that touches `process`.
 */
import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { systemClock } from './clock.ts'
import { parseCommandLine } from './commands/command-line.ts'
import type { Process } from './commands/serve.ts'
import { usage } from './commands/usage.ts'

/** Its file descriptor. */
const STANDARD_OUTPUT = 1

/** Where settings are read besides the environment. */
const DOTENV_PATH = '.env'

/** Runs what is asked for. Each command loads what it needs and no more: a health check must not cost a whole proxy. */
async function run (args: readonly string[]): Promise<number> {
  const asked = parseCommandLine(args)
  const { env: environment } = process
  switch (asked.command) {
    case 'help':
      return print(usage(asked.topic))
    case 'version':
      return print(`${version()}\n`)
    case 'complain':
      complain(asked.problem)
      complain('Try amsu-proxy --help.')
      return 2
    case 'serve': {
      const { serve } = await import('./commands/serve.ts')
      return await serve(await thisProcess())
    }
    case 'check': {
      const { check } = await import('./commands/check.ts')
      return await check({ environment, dotenvPath: DOTENV_PATH, clock: systemClock, isColored: isColored(), write: print, forget }, asked.isJson)
    }
    case 'healthcheck': {
      const { healthcheck } = await import('./commands/healthcheck.ts')
      return await healthcheck({ environment, dotenvPath: DOTENV_PATH, say })
    }
    case 'wait': {
      const { wait } = await import('./commands/wait.ts')
      return await wait({ environment, dotenvPath: DOTENV_PATH, say, clock: systemClock }, asked.timeoutMs)
    }
  }
}

async function thisProcess (): Promise<Process> {
  return {
    environment: process.env,
    dotenvPath: DOTENV_PATH,
    nodeVersion: process.version,
    version,
    destination: await logDestination(),
    complain,
    untilStopped,
    forget,
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

/** Lines for machines go to standard output, a person at a terminal gets them pretty. */
async function logDestination (): Promise<Process['destination']> {
  if (!process.stdout.isTTY) {
    const { createLogDestination } = await import('./report/log-destination.ts')
    // Node writes to a pipe without waiting for its reader; to a file it would never write again after a full disk.
    const destination = createLogDestination(process.stdout instanceof Socket ? process.stdout : STANDARD_OUTPUT, systemClock)
    flushLog = destination.close
    return destination
  }
  const { default: pretty } = await import('pino-pretty')
  return pretty({ colorize: isColored(), translateTime: 'SYS:HH:MM:ss.l', destination: 1, sync: true })
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

function forget (names: readonly string[]): void {
  for (const name of names) Reflect.deleteProperty(process.env, name)
}

/** A person at a terminal who has not asked for none (no-color.org). */
function isColored (): boolean {
  return process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === ''
}

function say (line: string): void {
  print(`${line}\n`)
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
process.stdout.on('error', () => {}) // a reader that has left, as `| head` does
process.exitCode = await run(process.argv.slice(2))
await flushLog()
clearInterval(keptAlive)
// Sockets of a library that is slow to let go must not keep a stopped proxy alive.
process.exit()
