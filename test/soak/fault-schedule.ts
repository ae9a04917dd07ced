/** The faults of a soak, and the record of when they happened. */
import { setTimeout } from 'node:timers/promises'
import type { Faults } from '../simulator/faults.ts'
import type { Simulator } from '../simulator/simulator.ts'
import type { Random } from './random.ts'
import type { Break, TcpFaultProxy } from './tcp-fault-proxy.ts'

/** What can be going wrong over a while. */
export type Trouble = 'token outage' | 'status' | 'delay' | 'hang' | 'down'

/** One fault, possibly a momentary one. */
type Fault = Trouble | 'revoke' | 'reset' | 'end' | 'cut' | 'idle reset' | 'idle end'

/** All faults of a round, in any order; a round contains each of them before any is repeated. */
const schedule: readonly Fault[] = ['reset', 'status', 'end', 'revoke', 'delay', 'cut', 'token outage', 'idle reset', 'reset', 'status', 'idle end', 'cut', 'hang', 'down']
/** Milliseconds from one fault to the next. */
const gapMs = [400, 1_200] as const
/** How long each fault lasts, in milliseconds. */
const lengthMs: Readonly<Record<Trouble, readonly [number, number]>> = {
  'token outage': [2_000, 6_000],
  status: [100, 500],
  delay: [500, 2_000],
  hang: [50, 150],
  down: [200, 1_500],
}
/** What the front end of AMSU sends when AMSU is in trouble. */
const statuses = [500, 502, 503, 504] as const
const delaysMs = [50, 800] as const
/** Most connections that break at once. */
const mostBreaks = 4

/** Something that went wrong from one time to another, in milliseconds of the monotonic clock. */
interface Interval { readonly trouble: Trouble, readonly from: number, to: number }

/** When what went wrong. */
export class FaultRecord {
  readonly #intervals: Interval[] = []
  /** When all tokens were revoked. */
  readonly revocations: number[] = []

  /** Records the start of a fault; returns a function that records its end. */
  begin (trouble: Trouble): () => void {
    const interval: Interval = { trouble, from: performance.now(), to: Infinity }
    this.#intervals.push(interval)
    return () => { interval.to = performance.now() }
  }

  /** The intervals of a fault that overlap a time. */
  during (trouble: Trouble, from: number, to: number): ReadonlyArray<{ from: number, to: number }> {
    return this.#intervals.filter(interval => interval.trouble === trouble && interval.from <= to && interval.to >= from)
  }

  /** The faults of a time, in words. */
  describe (from: number, to: number): string {
    const words = this.#intervals.filter(interval => interval.from <= to && interval.to >= from).map(({ trouble, from: begun, to: ended }) =>
      `${trouble} ${Math.round(begun - from)}..${ended === Infinity ? '' : Math.round(ended - from)} ms`)
    const revoked = this.revocations.filter(at => at >= from - 5_000 && at <= to).map(at => `revocation at ${Math.round(at - from)} ms`)
    return [...words, ...revoked].join(', ') || 'nothing'
  }
}

/** What faults are injected into. */
export interface FaultScheduleOptions {
  readonly simulator: Simulator
  readonly proxy: TcpFaultProxy
  readonly random: Random
  readonly signal: AbortSignal
}

/** Injects faults until the signal, and none after this resolves. */
export async function runFaultSchedule (options: FaultScheduleOptions, record: FaultRecord): Promise<void> {
  const { random, signal } = options
  const intervals: Array<Promise<void>> = []
  while (!signal.aborted) {
    for (const fault of random.shuffle(schedule)) {
      await sleep(random.between(...gapMs), signal)
      if (signal.aborted) break
      intervals.push(play(fault, options, record))
    }
    await Promise.all(intervals.splice(0))
  }
  await Promise.all(intervals)
}

async function play (fault: Fault, { simulator, proxy, random, signal }: FaultScheduleOptions, record: FaultRecord): Promise<void> {
  switch (fault) {
    case 'revoke':
      simulator.revokeAll()
      record.revocations.push(performance.now())
      return
    case 'reset':
    case 'end':
    case 'cut':
      proxy.breakBusy(Math.ceil(random.next() * mostBreaks), fault satisfies Break, random)
      return
    case 'idle reset':
    case 'idle end':
      proxy.breakIdle(fault === 'idle reset' ? 'reset' : 'end')
      return
    case 'token outage':
    case 'status':
    case 'delay':
    case 'hang':
    case 'down': {
      const end = record.begin(fault)
      const clear = await brew(fault, simulator.faults, proxy, random)
      await sleep(random.between(...lengthMs[fault]), signal)
      await clear()
      end()
    }
  }
}

/** Starts a fault; returns a function that stops it. */
async function brew (trouble: Trouble, faults: Faults, proxy: TcpFaultProxy, random: Random): Promise<() => void | Promise<void>> {
  switch (trouble) {
    case 'token outage': {
      const outage: Faults = random.pick([{ tokenDown: true }, { tokenHang: true }, { tokenStatus: 500 }, { tokenStatus: 503, tokenRetryAfterSeconds: 3 }])
      Object.assign(faults, outage)
      return () => { for (const name of Object.keys(outage) as Array<keyof Faults>) delete faults[name] }
    }
    case 'status':
      faults.status = random.pick(statuses)
      return () => { delete faults.status }
    case 'delay':
      faults.delayMs = Math.round(random.between(...delaysMs))
      return () => { delete faults.delayMs }
    case 'hang':
      faults.hang = true
      return () => { delete faults.hang }
    case 'down':
      proxy.down()
      return async () => { await proxy.up() }
  }
}

async function sleep (ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => {})
}
