/**
 * What the stand-in for AMSU does with one request. The request says it in its query, so that a seed repeats it; and
 * each fault says what may come of it for a client that sends all and stays.
 */
import type { Random } from '../soak/random.ts'

/** AMSU's own response, whole; one that began and broke; or an error of the proxy. */
export type Outcome = 'own' | 'cut' | 'UPSTREAM_RESET' | 'UPSTREAM_INVALID' | 'UPSTREAM_TIMEOUT'

/** What comes of each fault. */
const outcomes = {
  plain: ['own'],
  drip: ['own'],
  /** A response before the body was read; `how` the connection ends then. */
  early: ['own'],
  /** So many bytes of a response, then the end or nothing. */
  break: ['own', 'cut', 'UPSTREAM_RESET', 'UPSTREAM_INVALID', 'UPSTREAM_TIMEOUT'],
  /** The head, then the end before the first byte of the body. */
  headOnly: ['UPSTREAM_RESET', 'UPSTREAM_TIMEOUT'],
  /** A response; later unsolicited bytes. */
  unasked: ['own'],
  /** A response with bytes behind it. */
  behind: ['own'],
  interim: ['own'],
  switching: ['UPSTREAM_INVALID', 'UPSTREAM_RESET'],
  /** A response; then the connection ends unannounced. */
  stale: ['own'],
  /** The token is invalid, the first time. */
  refusal: ['own'],
  /** The token is invalid, each time. */
  refusals: ['own'],
  silent: ['UPSTREAM_TIMEOUT'],
  /** Stops reading the body, where there is so much of it. */
  deaf: ['own', 'UPSTREAM_TIMEOUT'],
  /** Stops in the middle of a response. */
  stuck: ['cut', 'UPSTREAM_TIMEOUT'],
  /** Odd, but unambiguous. */
  odd: ['own'],
  /** No valid HTTP, or ambiguous HTTP. */
  invalid: ['cut', 'UPSTREAM_INVALID'],
  largeHead: ['own'],
  large: ['own'],
  noContent: ['own'],
} as const satisfies Record<string, readonly Outcome[]>

/** Name of a fault. */
export type FaultName = keyof typeof outcomes

/** One fault with its numbers. */
export interface AmsuFault {
  readonly name: FaultName
  /** Which of several. */
  readonly variant: number
  /** Bytes of the response's body. */
  readonly size: number
  readonly framing: 'length' | 'chunked' | 'close'
  /** Bytes until something happens: of the response, or of the request's body. */
  readonly at: number
  readonly delayMs: number
  readonly how: 'reset' | 'end' | 'keep'
}

const weights: ReadonlyArray<readonly [FaultName, number]> = [
  ['plain', 34], ['drip', 3], ['early', 9], ['break', 9], ['headOnly', 5], ['unasked', 7], ['behind', 3], ['interim', 4], ['switching', 1], ['stale', 5],
  ['refusal', 5], ['refusals', 1], ['silent', 1], ['deaf', 1], ['stuck', 1], ['odd', 4], ['invalid', 3], ['largeHead', 1], ['large', 2], ['noContent', 1],
]
const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
const names = Object.keys(outcomes) as FaultName[]

/** A response without anything odd. */
export const plain: AmsuFault = { name: 'plain', variant: 0, size: 20, framing: 'length', at: 0, delayMs: 0, how: 'keep' }

/** What may come of a fault. */
export function outcomesOf ({ name }: AmsuFault): readonly Outcome[] {
  return outcomes[name]
}

/** Chooses a fault. */
export function chooseFault (random: Random): AmsuFault {
  let place = random.between(0, total)
  const [name] = weights.find(([, weight]) => (place -= weight) < 0) ?? ['plain']
  const size = name === 'large' ? random.between(500_000, 3_000_000) : random.chance(0.3) ? random.between(0, 60_000) : random.between(0, 300)
  const isEarly = name === 'early' || name === 'deaf'
  return {
    name,
    variant: Math.floor(random.between(0, 1_000)),
    size: Math.floor(name === 'early' || name === 'stale' ? size % 500 : size),
    framing: random.pick(name === 'break' || name === 'stuck' || name === 'headOnly' ? ['length', 'chunked'] : ['length', 'length', 'chunked', 'close']),
    at: Math.floor(isEarly ? random.pick([0, 0, random.between(1, 2_000), random.between(50_000, 300_000)]) : random.chance(0.8) ? random.between(0, 400) : random.between(0, size + 250)),
    delayMs: Math.floor(random.pick([0, 0, random.between(1, 60), random.between(1, name === 'unasked' ? 900 : 200)])),
    how: random.pick(['reset', 'end', 'keep']),
  }
}

/** Writes a fault as a query. */
export function faultQuery ({ name, variant, size, framing, at, delayMs, how }: AmsuFault): string {
  return `f=${name}&v=${variant}&n=${size}&t=${framing}&at=${at}&d=${delayMs}&h=${how}`
}

/** Reads a fault from a query; what is no fault is plain. */
export function readFault (query: string): AmsuFault {
  const values = new URLSearchParams(query)
  const name = names.find(each => each === values.get('f'))
  if (name === undefined) return plain
  const number = (key: string): number => Number(values.get(key) ?? 0)
  return {
    name,
    variant: number('v'),
    size: number('n'),
    framing: values.get('t') as AmsuFault['framing'],
    at: number('at'),
    delayMs: number('d'),
    how: values.get('h') as AmsuFault['how'],
  }
}
