/**
 * Requests that wait for a connection, oldest first, and the limit of their wait: nothing of them was sent, so it is better to say so
 * in time than to let a client give up and guess.
 */
import type { Clock, Timer } from '../clock.ts'
import { NoConnectionError } from './errors.ts'
import type { PendingRequest } from './pending-request.ts'

/** A queue whose requests fail with a {@link NoConnectionError} when they have waited too long. */
export class RequestQueue {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #items: PendingRequest[] = []
  #timer: Timer | undefined

  /** @param timeoutMs the longest wait, in milliseconds */
  constructor (clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  get length (): number {
    return this.#items.length
  }

  /** Adds the newest request; its `queuedAtMs` is set. */
  push (pending: PendingRequest): void {
    this.#items.push(pending)
  }

  /** Adds a request that had a connection for a moment; it has waited longer than all others. */
  putBack (pending: PendingRequest): void {
    this.#items.unshift(pending)
  }

  /** Takes out the oldest request. */
  shift (): PendingRequest | undefined {
    return this.#items.shift()
  }

  /** Takes out a request that is no longer wanted. */
  remove (pending: PendingRequest): void {
    const index = this.#items.indexOf(pending)
    if (index !== -1) this.#items.splice(index, 1)
  }

  /** Fails the requests that have waited since `sinceMs` of the clock or longer, the oldest first and at most `count` of them. */
  failSince (sinceMs: number, cause: Error, count = Infinity): void {
    const waiting = this.#items.findLastIndex(({ queuedAtMs }) => queuedAtMs <= sinceMs) + 1
    for (const pending of this.#items.splice(0, Math.min(count, waiting))) pending.fail(cause)
  }

  /** Fails every request, and sets no more timers. */
  close (cause: Error): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    for (const pending of this.#items.splice(0)) pending.fail(cause)
  }

  /** Limits the wait of what is in it. A connection attempt that is begun before has its timer first, and knows more to tell. */
  limitWait (): void {
    const oldest = this.#items[0]
    if (oldest === undefined) return
    this.#timer ??= this.#clock.setTimeout(this.#failLate, Math.max(1, Math.ceil(oldest.queuedAtMs + this.#timeoutMs - this.#clock.monotonic())))
  }

  readonly #failLate = (): void => {
    this.#timer = undefined
    const latestMs = this.#clock.monotonic() - this.#timeoutMs
    this.failSince(latestMs, new NoConnectionError())
    this.limitWait()
  }
}
