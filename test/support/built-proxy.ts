/** The built proxy as a process of its own, watched from outside: its log, its memory and its sockets. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const programPath = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** How a process ended. */
export interface Exit { readonly code: number | null, readonly signal: string | null }

/** A line of the log, as far as the tests read it. */
export interface ParsedLine {
  readonly level?: number | string
  readonly msg?: string
  readonly requestId?: string
  readonly path?: string
  readonly address?: string
  readonly status?: number
  readonly errorCode?: string
}

/** A proxy that runs. It is killed when the process that started it exits. */
export class BuiltProxy {
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess

  /** @param onLine called with each line of its output; `parsed` is undefined for what is no JSON */
  constructor (node: string, environment: Readonly<Record<string, string>>, onLine: (text: string, parsed: ParsedLine | undefined) => void) {
    if (!existsSync(programPath)) throw new Error(`${programPath} is not there; npm run build makes it`)
    this.#child = spawn(node, [programPath], {
      cwd: '/', // where no .env is
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      // In a group of its own it does not get the terminal's Ctrl-C: the program that started it ends it.
      detached: true,
    })
    const kill = (): void => { this.kill('SIGKILL') }
    process.once('exit', kill)
    this.exited = once(this.#child, 'close').then(([code, signal]) => {
      process.off('exit', kill)
      return { code: code as number | null, signal: signal as string | null }
    })
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) createInterface({ input: stream }).on('line', text => { onLine(text, parse(text)) })
  }

  /** Whether the process still runs. */
  get isAlive (): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resident memory in kB, now and at its peak. */
  get memory (): { nowKb: number, peakKb: number } {
    const status = readFileSync(`/proc/${String(this.#child.pid)}/status`, 'utf8')
    return { nowKb: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]), peakKb: Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) }
  }

  /** Number of open sockets, those included that the kernel has closed and the process has not. */
  get sockets (): number {
    const folder = `/proc/${String(this.#child.pid)}/fd`
    return readdirSync(folder).filter(name => {
      try {
        return readlinkSync(`${folder}/${name}`).startsWith('socket:')
      } catch {
        return false // closed meanwhile
      }
    }).length
  }

  /** Sends a signal. */
  kill (signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#child.kill(signal)
  }
}

function parse (text: string): ParsedLine | undefined {
  try {
    return JSON.parse(text) as ParsedLine
  } catch {
    return undefined
  }
}
