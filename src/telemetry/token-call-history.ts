/**
 * The token calls so far: how many, and the last of them.
 */
import type { TokenCallOutcome } from '../amsu/observed-token-api.ts'
import type { TokenCall } from '../amsu/token-call.ts'
import type { Clock } from '../clock.ts'
import { RingBuffer } from './ring-buffer.ts'

/** Calls that are kept one by one: about two weeks of renewals, or the beginning of trouble. */
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

/** Calls that have call and outcome in common. */
export interface TokenCallCount {
  readonly call: TokenCall
  readonly outcome: TokenCallOutcome
  count: number
}

/** Remembers the token calls of a proxy. */
export class TokenCallHistory {
  readonly #clock: Pick<Clock, 'wall'>
  readonly #last = new RingBuffer<PastTokenCall>(KEPT_CALLS)
  /** All there can be, from the start: a rate needs a first value. */
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
