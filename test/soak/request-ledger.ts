/** Every request of a soak, from its end until everything about it is known; then only counts and the requests with a problem are kept. */
import type { Sent } from './caller.ts'
import { isDoubleSend, checkOutcome } from './outcome-oracle.ts'
import type { Settings } from './outcome-oracle.ts'
import type { Proxy } from './proxy.ts'
import type { FaultRecord } from './fault-schedule.ts'
import type { Arrival, TcpFaultProxy } from './tcp-fault-proxy.ts'

/**
 * The proxy's line and the end of a connection may come this much later than the outcome: a client that disconnects with half of its body
 * on the way is noticed once there is a token and the body is read, up to TOKEN_WAIT_MS later.
 */
const settleMs = 4_000
/** Offending requests that are kept. */
const samplesKept = 20

/** The sources of a record. */
export interface LedgerInputs {
  readonly faultProxy: TcpFaultProxy
  readonly proxy: Proxy
  readonly faults: FaultRecord
  readonly settings: Settings
}

/** The tally of a soak. */
export class RequestLedger {
  readonly outcomes = new Map<string, number>()
  /** Offending requests, in words. */
  readonly samples: string[] = []
  requests = 0
  unexplained = 0
  doubleSends = 0
  /** Sent again by right: a replay after a rejected token, or a GET. */
  sentAgain = 0
  /** No outcome, or no line in the proxy's log. */
  lost = 0
  readonly #sources: LedgerInputs
  #pending = 0

  constructor (sources: LedgerInputs) {
    this.#sources = sources
  }

  /** Records a call that has ended. */
  readonly file = (sent: Sent): void => {
    this.#pending++
    setTimeout(() => {
      this.#pending--
      this.#close(sent)
    }, settleMs)
  }

  /** Resolves when every recorded call is checked. A request that arrived later was sent again after its client had gone. */
  async settled (): Promise<void> {
    while (this.#pending > 0) await new Promise(resolve => { setTimeout(resolve, 50) })
    for (const [id, arrivals] of this.#sources.faultProxy.books.arrivals) {
      if (!id.startsWith('soak-')) continue
      this.doubleSends++
      this.#keep(`${id}: sent ${arrivals.length} times after its end`)
    }
  }

  #close (sent: Sent): void {
    const { faultProxy: { books }, proxy, faults, settings } = this.#sources
    const arrivals = books.arrivals.get(sent.id) ?? []
    const lines = proxy.lines.get(sent.id) ?? []
    books.arrivals.delete(sent.id)
    proxy.lines.delete(sent.id)
    const { outcome, isExplained } = checkOutcome({ sent, arrivals, books, faults, settings })
    const isDouble = isDoubleSend(arrivals)
    const isLost = sent.ending.kind === 'lost' || !isLogged(sent, arrivals, lines)
    this.requests++
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
    if (!isExplained) this.unexplained++
    if (isDouble) this.doubleSends++
    else if (arrivals.length > 1) this.sentAgain++
    if (isLost) this.lost++
    if (!isExplained || isDouble || isLost) this.#keep(describe(sent, arrivals, lines, `${outcome}${isDouble ? ', DOUBLE SEND' : ''}${isLost ? ', LOST' : ''}`, this.#sources))
  }

  #keep (sample: string): void {
    if (this.samples.length < samplesKept) this.samples.push(sample)
  }
}

/** Whether the log has one line for what it must have one for, and that line says what the caller saw. */
function isLogged ({ ending }: Sent, arrivals: readonly Arrival[], lines: readonly string[]): boolean {
  const isOwed = ending.kind === 'response' || ending.kind === 'cut' || arrivals.length > 0
  if (lines.length !== 1) return lines.length === 0 && !isOwed
  return ending.kind !== 'response' || (JSON.parse(lines[0]!) as { status?: number }).status === ending.status
}

function describe ({ id, load, manner, from, to, ending }: Sent, arrivals: readonly Arrival[], lines: readonly string[], outcome: string, { faults, faultProxy: { books: { breaks, issues } } }: LedgerInputs): string {
  const since = (at: number | undefined): string => at === undefined ? '' : `${Math.round(at - from)} ms`
  const near = (times: readonly number[]): string => times.filter(at => at > from - 5_000 && at < to + settleMs).map(since).join(', ') || 'none'
  const words = Object.entries(manner).filter(([, value]) => value !== false && value !== undefined).map(([name, value]) => `${name}=${String(value)}`)
  return [
    `${id}: ${outcome}`,
    `  ${load.call}, ${load.bodyBytes} bytes, ${words.join(' ')}, ${since(to)}, ${JSON.stringify(ending)}`,
    ...arrivals.map(({ at, status, isEarly, brokenAt, goneAt }) => `  arrived after ${since(at)}, responded ${status ?? 'nothing'}${isEarly === true ? ' early' : ''}, broken ${since(brokenAt) || 'not'}, gone ${since(goneAt) || 'not'}`),
    `  going wrong meanwhile: ${faults.describe(from, to)}; connections broken: ${near(breaks)}; tokens issued: ${near(issues)}`,
    ...lines.length === 0 ? ['  no line in the log'] : lines.map(line => `  log: ${line}`),
  ].join('\n')
}
