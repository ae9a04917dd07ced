/** What a storm has found, with what is needed to understand and to repeat it. */
import type { RequestRecord } from './request-ledger.ts'

/** Samples that are kept of one kind; all are counted. */
const samplesKept = 3
/** Characters that make a kind: numbers and ids differ from one to the next. */
const kindLength = 90

/** Takes findings. */
export class Findings {
  readonly #counts = new Map<string, number>()
  readonly #samples: string[] = []
  readonly #seed: number

  constructor (seed: number) {
    this.#seed = seed
  }

  /** How many there are. */
  get count (): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Takes one that belongs to no request. */
  readonly add = (what: string): void => { this.#keep(what, what) }

  /** Takes one of a request. */
  addOf (record: RequestRecord, what: string): void {
    this.#keep(what, describe(record, what, this.#seed))
  }

  /** Everything, in words. */
  render (): string {
    const counts = [...this.#counts].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${String(count).padStart(7)}  ${kind}`)
    return [...this.#samples, '', `findings: ${this.count}`, ...counts].join('\n')
  }

  #keep (what: string, sample: string): void {
    const kind = what.replace(/storm-\w+-\d+-\d+/g, 'ID').replace(/\d+/g, 'N').replace(/\/tmp\S+/g, 'PATH').slice(0, kindLength)
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    if (count <= samplesKept) this.#samples.push(sample)
  }
}

function describe ({ plan, script, trace, begunAt, wholeAt, leftAt, halfClosedAt, endedAt, ending, response, arrivals, lines }: RequestRecord, what: string, seed: number): string {
  const since = (at: number | undefined): string => at === undefined ? 'never' : `${Math.round(at - (begunAt ?? at))} ms`
  return [
    `FINDING ${what}`,
    `  ${plan.id}, ${plan.kind}, connection “${script.name}” to ${script.proxy}; again: npm run storm -- --seed ${seed} --only ${script.index}`,
    `  AMSU: ${Object.entries(plan.fault).map(([name, value]) => `${name}=${String(value)}`).join(' ')}; body: ${plan.body === undefined ? 'none' : `${plan.body.bytes}${plan.body.isChunked ? ', chunked' : ''}`}`,
    `  whole after ${since(wholeAt)}, left ${since(leftAt)}, own side ended ${since(halfClosedAt)}, ended ${since(endedAt)}${ending === undefined ? '' : ` (${ending})`}`,
    `  got ${response === undefined ? 'no response' : `${response.status} ${response.headers.get('x-amsu-proxy-error') ?? ''}, ${response.bodyBytes} bytes, ${response.isWhole ? 'whole' : 'not whole'}`}`,
    ...arrivals.map(({ at, bodyBytes, goneAt, ...arrival }) => `  arrived after ${since(at)} with ${bodyBytes} bytes, ${Object.entries(arrival).filter(([, value]) => value === true).map(([name]) => name).join(' ')}, gone ${since(goneAt)}`),
    ...lines.map(({ text }) => `  log: ${text.slice(0, 600)}`),
    `  sent: ${shorten(trace.sent)}`,
    `  received: ${shorten(trace.received)}`,
    '',
  ].join('\n')
}

function shorten (text: string): string {
  const short = JSON.stringify(text.replace(/(.)\1{20,}/g, '$1…'))
  return short.length > 900 ? `${short.slice(0, 900)}…` : short
}
