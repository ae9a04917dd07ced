/** The process of one proxy of a storm: its address, and the lines of its log by request. */
import { BuiltProxy, type ParsedLine } from '../support/built-proxy.ts'
import type { LogLine } from './request-ledger.ts'

const startTimeoutMs = 15_000

/** Lines of the output that are kept for the error message of a failed start. */
const outputKept = 40

/** What a process is started with, and who gets its lines. */
export interface ProxyProcessOptions {
  readonly node: string
  readonly environment: Readonly<Record<string, string>>
  /** Called for each line of the log that names a request of the storm. */
  readonly onLine: (id: string, line: LogLine) => void
  /** Called for each line that no right program writes. */
  readonly onBadLine: (line: string) => void
}

/** A process that runs. */
export class ProxyProcess extends BuiltProxy {
  readonly #options: ProxyProcessOptions
  readonly #output: string[] = []
  /** Where it says that it listens. */
  address: string | undefined

  constructor (options: ProxyProcessOptions) {
    super(options.node, options.environment, (text, parsed) => { this.#note(text, parsed) })
    this.#options = options
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

  #note (text: string, line: ParsedLine | undefined): void {
    if (this.#output.length < outputKept) this.#output.push(text)
    if (line?.address !== undefined) this.address = line.address
    if (line === undefined || isBad(text, line)) this.#options.onBadLine(text)
    const id = /storm-\w+-\d+-\d+/.exec(`${line?.requestId ?? ''} ${line?.path ?? ''}`)?.[0]
    if (line !== undefined && id !== undefined) this.#options.onLine(id, { text, msg: line.msg, status: line.status, errorCode: line.errorCode })
  }
}

/** A defect, an error nobody caught, or an error of the proxy's own. */
function isBad (text: string, { level, msg, errorCode }: ParsedLine): boolean {
  return level === 60 || level === 'fatal' || msg === 'the proxy met a defect: please report it' || errorCode === 'PROXY.INTERNAL' || /uncaught/i.test(text)
}
