/** Makes the calls of a row with every client that can make them, and reports what is wrong with each. */
import type { Amsu, Arrivals } from './amsu.ts'
import type { Client, Mode, Outcome } from './clients.ts'
import type { Expected } from './rows.ts'
import { BODY } from './ways.ts'

/** Where every POST goes; the query makes each a call of its own. */
const PATH = '/amsu-analysis/v2/calorie/running/results/'

/** One POST of one client, over. */
export interface Cell {
  readonly client: Client
  readonly outcome: Outcome
  readonly arrivals: Arrivals
}

/** A POST of one client, not over yet. */
export interface Started {
  readonly client: Client
  readonly id: string
  readonly outcome: Promise<Outcome>
}

let calls = 0

/** POSTs so far. */
export function callCount (): number {
  return calls
}

/** Has a client make one POST to the proxy at `origin`. */
export function startCall (client: Client, origin: string, call: { way: string, bytes: number, mode: Mode }): Started {
  const id = `${++calls}-${client.name.replaceAll(' ', '-')}`
  return { client, id, outcome: client.post({ ...call, id, url: `${origin}${PATH}?call=${id}` }) }
}

/** Waits for its end. */
export async function cellOf ({ client, id, outcome }: Started, amsu: Amsu): Promise<Cell> {
  return { client, outcome: await outcome, arrivals: amsu.arrivals(id) }
}

/** Returns what is wrong with a cell, or undefined. */
export function faultOf ({ client, outcome: { status, code, bytes, error }, arrivals: { whole } }: Cell, expected: Expected): string | undefined {
  const faults: string[] = []
  if (status !== expected.status) faults.push(`status ${expected.status} expected`)
  if (code !== '?' && ![expected.code].flat().includes(code)) faults.push(`${String(expected.code ?? 'a response of AMSU')} expected`)
  if (expected.isCut !== true && error !== undefined) faults.push('no failure expected')
  if (expected.isCut === true && error === undefined && bytes >= BODY.length) faults.push('a cut expected')
  if (expected.isCut !== true && status === 200 && bytes !== BODY.length) faults.push(`${BODY.length} bytes expected`)
  const most = expected.isCut === true && client.repeatsAfterCut ? expected.whole.map(times => times + 1) : expected.whole
  if (!most.includes(whole)) faults.push(`AMSU should have it ${expected.whole.join(' or ')} times`)
  return faults.length === 0 ? undefined : faults.join(', ')
}

/** Describes what a client saw and AMSU got, in a few words. */
export function wordsOf ({ outcome: { status, code, bytes, error }, arrivals: { heads, whole } }: Cell): string {
  const seen = status === 0 ? 'no response' : [status, code].filter(part => part !== undefined).join(' ')
  return `${seen}${error === undefined ? '' : `, ${error.slice(0, 120)}`}, ${bytes} bytes; AMSU: ${whole}${heads === whole ? '' : ` (begun ${heads} times)`}`
}
