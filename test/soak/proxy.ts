/** The proxy of a soak: its log by request, and whether it is ready. */
import { BuiltProxy, type Exit, type ParsedLine } from '../support/built-proxy.ts'

/** Milliseconds in which it must say where it listens. */
const startTimeoutMs = 10_000
/** Milliseconds it has to end after SIGTERM: its grace period and a moment. */
const stopTimeoutMs = 12_000
/** How many error lines are kept. */
const loudKept = 20
/** Level of pino from which a line is loud: nothing in a soak is an error of the proxy's own. */
const errorLevel = 50
/** The message of each line of the access log. */
const accessLogMsg = 'request'

/** A proxy that runs. */
export class Proxy {
  /** The lines of the access log by request id; the reader deletes them. Lines about several requests also hold the id of one. */
  readonly lines = new Map<string, string[]>()
  /** Errors in the log, and whatever is no line of the log at all. */
  readonly loud: string[] = []
  readonly process: BuiltProxy
  #address: string | undefined

  constructor (environment: Record<string, string>) {
    this.process = new BuiltProxy(process.execPath, environment, (text, parsed) => { this.#note(text, parsed) })
  }

  /** Resolves to its address once it is ready: a token is held. */
  async ready (): Promise<string> {
    const latest = performance.now() + startTimeoutMs
    while (performance.now() < latest && this.process.isAlive) {
      if (this.#address !== undefined && await isReady(this.#address)) return this.#address
      await new Promise(resolve => { setTimeout(resolve, 50) })
    }
    throw new Error(`the proxy did not get ready:\n${this.loud.join('\n')}`)
  }

  /** Asks it to end; resolves to how it did. It is killed if it does not. */
  async stop (): Promise<Exit> {
    this.process.kill('SIGTERM')
    const patience = setTimeout(() => { this.process.kill('SIGKILL') }, stopTimeoutMs)
    const exit = await this.process.exited
    clearTimeout(patience)
    return exit
  }

  #note (line: string, { level = errorLevel, msg, requestId, address }: ParsedLine = {}): void {
    if (address !== undefined) this.#address = address
    if (Number(level) >= errorLevel && this.loud.length < loudKept) this.loud.push(line)
    if (requestId === undefined || msg !== accessLogMsg) return
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
