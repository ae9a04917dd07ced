/** The built proxy as a process of its own, with nothing in its environment but what it needs. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const programPath = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
/** Milliseconds in which the proxy must say where it listens. */
const startTimeoutMs = 10_000
/** Milliseconds that the proxy has to end after SIGTERM. */
const stopTimeoutMs = 3_000
/** Lines of the log that are kept. */
const linesKept = 10_000

/** A proxy that runs. */
export interface ProxyProcess {
  /** Such as `http://127.0.0.1:40123`. */
  readonly address: string
  /** What it wrote, to standard output and standard error. */
  readonly log: readonly string[]
  /** Resolves when it has ended, to a sentence that describes how. */
  readonly ended: Promise<string>
  /** Ends it, by force if need be. */
  stop: () => Promise<void>
}

/** A proxy that did not start or does not run any more. */
export class ProxyFailure extends Error {
  readonly log: readonly string[]

  constructor (message: string, log: readonly string[]) {
    super(message)
    this.log = log
  }
}

/**
 * Starts the proxy and resolves when it listens.
 *
 * @param environment its settings
 * @param folder where it runs; a `.env` in it would be read
 */
export async function startProxy (environment: Record<string, string>, folder: string, signal: AbortSignal): Promise<ProxyProcess> {
  if (!existsSync(programPath)) throw new ProxyFailure(`${programPath} is not there; npm run build makes it`, [])
  signal.throwIfAborted()
  const child = spawn(process.execPath, [programPath], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // In a group of its own it does not get the terminal's Ctrl-C: the demo ends it, after the calls in flight.
    detached: true,
    windowsHide: true,
  })
  const kill = () => { child.kill('SIGKILL') }
  process.once('exit', kill)
  const ended = describeEnd(child).finally(() => { process.off('exit', kill) })
  const log: string[] = []
  const address = listenTo(child, log)
  const tooLate = setTimeout(startTimeoutMs, 'has not said where it listens', { ref: false, signal })
  try {
    const first = await Promise.race([address, Promise.race([ended, tooLate]).then(reason => { throw new ProxyFailure(`the proxy ${reason}`, log) })])
    return { address: first, log, ended, stop: () => stop(child, ended) }
  } catch (error) {
    await stop(child, ended)
    throw error
  }
}

/** Keeps what the proxy writes, and resolves to its address. */
async function listenTo (child: ChildProcess, log: string[]): Promise<string> {
  return new Promise(resolve => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream! }).on('line', line => {
        log.push(line)
        if (log.length > linesKept) log.shift()
        const address = addressIn(line)
        if (address !== undefined) resolve(address)
      })
    }
  })
}

function addressIn (line: string): string | undefined {
  try {
    const { address } = JSON.parse(line) as { address?: unknown }
    return typeof address === 'string' ? address : undefined
  } catch {
    return undefined
  }
}

/** Waits for "close" rather than "exit", so that the last lines are there. */
async function describeEnd (child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = await once(child, 'close') as [number | null, string | null]
    return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`
  } catch (error) {
    return `could not be started: ${(error as Error).message}`
  }
}

async function stop (child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill('SIGTERM')
  const patience = new AbortController()
  setTimeout(stopTimeoutMs, undefined, { signal: patience.signal }).then(() => child.kill('SIGKILL'), () => {})
  await ended
  patience.abort()
}
