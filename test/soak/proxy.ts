/** The built proxy as a process of its own, watched from outside: its log by request, its memory and its sockets. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const programPath = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
/** Milliseconds in which it must say where it listens. */
const startTimeoutMs = 10_000
/** Milliseconds it has to end after SIGTERM: its grace period and a moment. */
const stopTimeoutMs = 12_000
/** How many error lines are kept. */
const loudKept = 20
/** Level of pino from which a line is loud: nothing in a soak is an error of the proxy's own. */
const errorLevel = 50

/** How a process ended. */
export interface Exit { readonly code: number | null, readonly signal: string | null }

/** A proxy that runs. */
export class Proxy {
  /** Lines of the log by request id; the reader deletes it. */
  readonly lines = new Map<string, string[]>()
  /** Errors in the log, and whatever is no line of the log at all. */
  readonly loud: string[] = []
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess
  #address: string | undefined

  constructor (environment: Record<string, string>) {
    if (!existsSync(programPath)) throw new Error(`${programPath} is not there; npm run build makes it`)
    this.#child = spawn(process.execPath, [programPath], {
      cwd: '/', // where no .env is
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      // In a group of its own it does not get the terminal's Ctrl-C: the soak ends it.
      detached: true,
    })
    const kill = (): void => { this.#child.kill('SIGKILL') }
    process.once('exit', kill)
    this.exited = once(this.#child, 'close').then(([code, signal]) => {
      process.off('exit', kill)
      return { code: code as number | null, signal: signal as string | null }
    })
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) createInterface({ input: stream }).on('line', line => { this.#note(line) })
  }

  /** Resolves to its address once it is ready: a token is held. */
  async ready (): Promise<string> {
    const latest = performance.now() + startTimeoutMs
    while (performance.now() < latest && this.isAlive) {
      if (this.#address !== undefined && await isReady(this.#address)) return this.#address
      await new Promise(resolve => { setTimeout(resolve, 50) })
    }
    throw new Error(`the proxy did not get ready:\n${this.loud.join('\n')}`)
  }

  /** Whether the process still runs. */
  get isAlive (): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resident memory in kB, now and at its peak. */
  memory (): { nowKb: number, peakKb: number } {
    const status = readFileSync(`/proc/${String(this.#child.pid)}/status`, 'utf8')
    return { nowKb: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]), peakKb: Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) }
  }

  /** Open sockets. */
  sockets (): number {
    const folder = `/proc/${String(this.#child.pid)}/fd`
    return readdirSync(folder).filter(name => {
      try {
        return readlinkSync(`${folder}/${name}`).startsWith('socket:')
      } catch {
        return false // closed meanwhile
      }
    }).length
  }

  /** Asks it to end; resolves to how it did. It is killed if it does not. */
  async stop (): Promise<Exit> {
    this.#child.kill('SIGTERM')
    const patience = setTimeout(() => { this.#child.kill('SIGKILL') }, stopTimeoutMs)
    const exit = await this.exited
    clearTimeout(patience)
    return exit
  }

  #note (line: string): void {
    const { level = errorLevel, requestId, address } = parse(line)
    if (address !== undefined) this.#address = address
    if (level >= errorLevel && this.loud.length < loudKept) this.loud.push(line)
    if (requestId === undefined) return
    const before = this.lines.get(requestId)
    if (before === undefined) this.lines.set(requestId, [line])
    else before.push(line)
  }
}

/** Whether the proxy at this address says that it is ready. */
export async function isReady (address: string): Promise<boolean> {
  try {
    return (await fetch(`${address}/readyz`, { headers: { connection: 'close' } })).status === 200
  } catch {
    return false
  }
}

function parse (line: string): { level?: number, requestId?: string, address?: string } {
  try {
    return JSON.parse(line) as object
  } catch {
    return {}
  }
}
