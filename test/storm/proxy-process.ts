/** One built proxy as a process of its own: its log as it is written, its memory, its sockets. It is started again when it dies. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { LogLine } from './request-ledger.ts'

const programPath = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const startTimeoutMs = 15_000

/** How a process ended. */
export interface Exit { readonly code: number | null, readonly signal: string | null }

/** What a process is told, and whom it tells. */
export interface ProxyProcessOptions {
  readonly node: string
  readonly environment: Readonly<Record<string, string>>
  /** Told of each line of the log that names a request of the storm. */
  readonly onLine: (id: string, line: LogLine) => void
  /** Told of each line that no right program writes. */
  readonly onBadLine: (line: string) => void
}

/** A process that runs. */
export class ProxyProcess {
  readonly #child: ChildProcess
  readonly #options: ProxyProcessOptions
  readonly #output: string[] = []
  /** Resolves when it has ended. */
  readonly exited: Promise<Exit>
  /** Where it says that it listens. */
  address: string | undefined

  constructor (options: ProxyProcessOptions) {
    this.#options = options
    this.#child = spawn(options.node, [programPath], { cwd: '/', env: { PATH: process.env['PATH'], ...options.environment }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const kill = (): void => { this.#child.kill('SIGKILL') }
    process.once('exit', kill)
    this.exited = once(this.#child, 'close').then(([code, signal]) => {
      process.off('exit', kill)
      return { code: code as number | null, signal: signal as string | null }
    })
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) createInterface({ input: stream }).on('line', line => { this.#note(line) })
  }

  /** Resolves once it listens and holds a token. */
  async ready (): Promise<void> {
    const latest = performance.now() + startTimeoutMs
    while (performance.now() < latest && this.isAlive) {
      if (this.address !== undefined && this.#output.some(line => line.includes('access token obtained'))) return
      await new Promise(resolve => { setTimeout(resolve, 30) })
    }
    throw new Error(`a proxy did not get ready:\n${this.#output.join('\n')}`)
  }

  /** Whether it still runs. */
  get isAlive (): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resident memory in MB. */
  get memoryMb (): number {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(this.#child.pid)}/status`, 'utf8'))?.[1]) / 1024
  }

  /** Open sockets. */
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

  #note (text: string): void {
    if (this.#output.length < 40) this.#output.push(text)
    const line = parse(text)
    if (line?.address !== undefined) this.address = line.address
    if (line === undefined || isBad(text, line)) this.#options.onBadLine(text)
    const id = /storm-\w+-\d+-\d+/.exec(`${line?.requestId ?? ''} ${line?.path ?? ''}`)?.[0]
    if (line !== undefined && id !== undefined) this.#options.onLine(id, { text, msg: line.msg, status: line.status, errorCode: line.errorCode })
  }
}

interface Parsed { level?: number | string, msg?: string, requestId?: string, path?: string, address?: string, status?: number, errorCode?: string }

/** A defect, an error nobody caught, or an error of the proxy's own. */
function isBad (text: string, { level, msg, errorCode }: Parsed): boolean {
  return level === 60 || level === 'fatal' || msg === 'the proxy met a defect: please report it' || errorCode === 'PROXY.INTERNAL' || /uncaught/i.test(text)
}

function parse (text: string): Parsed | undefined {
  try {
    return JSON.parse(text) as Parsed
  } catch {
    return undefined
  }
}
