/**
 * Token call history: counts the token calls, and keeps the last ones.
 */
import type { TokenCallOutcome } from '../amsu/observed-token-api.ts'
import type { TokenCall } from '../amsu/token-call.ts'
import type { Clock } from '../clock.ts'
import { RingBuffer } from './ring-buffer.ts'

/** How many calls are kept: about two weeks of renewals, or the first minutes of an outage. */
const KEPT_CALLS = 20

const CALLS: readonly TokenCall[] = ['credentials', 'refresh_put', 'refresh_post']
const OUTCOMES: readonly TokenCallOutcome[] = ['ok', 'rejected', 'method_blocked', 'connection_lost', 'transient']

/** A token call that has ended. */
export interface PastTokenCall {
  /** When it ended, in milliseconds since the Unix epoch. */
  readonly endedAt: number
  readonly call: TokenCall
  readonly outcome: TokenCallOutcome
}

/** The number of calls with the same call and outcome. */
export interface TokenCallCount {
  readonly call: TokenCall
  readonly outcome: TokenCallOutcome
  count: number
}

/** Keeps the token calls of a proxy. */
export class TokenCallHistory {
  readonly #clock: Pick<Clock, 'wall'>
  readonly #last = new RingBuffer<PastTokenCall>(KEPT_CALLS)
  /** All combinations, from the start, because a rate needs a first value. */
  readonly counts: readonly TokenCallCount[] = CALLS.flatMap(call => OUTCOMES.map(outcome => ({ call, outcome, count: 0 })))

  constructor (clock: Pick<Clock, 'wall'>) {
    this.#clock = clock
  }

  add (call: TokenCall, outcome: TokenCallOutcome): void {
    this.#last.add({ endedAt: this.#clock.wall(), call, outcome })
    for (const each of this.counts) {
      if (each.call === call && each.outcome === outcome) each.count++
    }
  }

  /** The last calls, newest first. */
  get last (): PastTokenCall[] {
    return this.#last.newest
  }
}
