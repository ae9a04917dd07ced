/** Callers that never stop: each makes one call after the other, in changing ways. */
import { setTimeout } from 'node:timers/promises'
import { chooseManner, makeCall } from './caller.ts'
import type { Sent } from './caller.ts'
import type { Loads } from './loads.ts'
import { createRandom } from './random.ts'
import type { Random } from './random.ts'

/** Calls in flight at once, at most. */
const callers = 12
/** Rest between two calls of a caller, in milliseconds. */
const restMs = [0, 150] as const
/** The same after a call that failed. */
const restAfterFailureMs = [300, 900] as const
/** Time between two large uploads, in milliseconds; there is one at a time. */
const largeEveryMs = [4_000, 12_000] as const

/** What traffic needs. */
export interface TrafficOptions {
  readonly origin: string
  readonly loads: Loads
  readonly seed: number
  readonly signal: AbortSignal
  /** Told of every call when it has ended. */
  readonly onEnd: (sent: Sent) => void
}

/** Makes calls until the signal; resolves when all have ended. */
export async function makeTraffic (options: TrafficOptions): Promise<void> {
  await Promise.all([
    ...Array.from({ length: callers }, async (_, i) => { await callOn(i, 'usual', options) }),
    callOn(callers, 'large', options),
  ])
}

async function callOn (place: number, size: keyof Loads, { origin, loads, seed, signal, onEnd }: TrafficOptions): Promise<void> {
  const random = createRandom(seed + 1_000 * (place + 1))
  for (let i = 0; !signal.aborted; i++) {
    const load = loads[size](random)
    const sent = await makeCall(origin, `soak-${seed}-${place}-${i}`, load, chooseManner(random, load))
    onEnd(sent)
    const hasFailed = sent.ending.kind === 'response' && sent.ending.status !== 200
    await rest(random, size === 'large' ? largeEveryMs : hasFailed ? restAfterFailureMs : restMs, signal)
  }
}

async function rest (random: Random, [least, most]: readonly [number, number], signal: AbortSignal): Promise<void> {
  await setTimeout(random.between(least, most), undefined, { signal }).catch(() => {})
}
