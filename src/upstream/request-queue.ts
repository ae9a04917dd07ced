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
  #items: PendingRequest[] = []
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
    pending.inQueueSinceMs = pending.queuedAtMs
    this.#items.push(pending)
  }

  /** Adds a request that had a connection for a moment; it has waited longer than all others, but not for attempts to connect. */
  putBack (pending: PendingRequest): void {
    pending.inQueueSinceMs = this.#clock.monotonic()
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

  /** Fails the requests that have been in it since `sinceMs` of the clock or longer, the oldest first and at most `count` of them. */
  failSince (sinceMs: number, cause: Error, count: number): void {
    this.#fail(this.#items.filter(({ inQueueSinceMs }) => inQueueSinceMs <= sinceMs).slice(0, count), cause)
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
    this.#fail(this.#items.filter(({ queuedAtMs }) => queuedAtMs <= latestMs), new NoConnectionError())
    this.limitWait()
  }

  #fail (failed: PendingRequest[], cause: Error): void {
    const gone = new Set(failed)
    this.#items = this.#items.filter(delivery => !gone.has(delivery))
    for (const delivery of failed) delivery.fail(cause)
  }
}
