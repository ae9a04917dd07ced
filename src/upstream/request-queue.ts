/**
 * Queue of requests that wait for a connection, oldest first, with a wait timeout. Nothing of them was sent, so an early error tells the
 * client that a retry is safe, which it could not know if it gave up itself.
 */
import type { Clock, Timer } from '../clock.ts'
import { NoConnectionError } from './errors.ts'
import type { PendingRequest } from './pending-request.ts'

/** A queue whose requests fail with a {@link NoConnectionError} if they wait too long. */
export class RequestQueue {
  readonly #clock: Clock
  readonly #timeoutMs: number
  #items: PendingRequest[] = []
  #timer: Timer | undefined
  /** The `queuedAtMs` for which the timer is set. */
  #timedMs = 0

  /** @param timeoutMs the longest wait, in milliseconds */
  constructor (clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  get length (): number {
    return this.#items.length
  }

  /** Adds a request; its `queuedAtMs` is set. It is the newest one, unless an earlier attempt of it has waited as well. */
  push (pending: PendingRequest): void {
    pending.inQueueSinceMs = this.#clock.monotonic()
    const index = this.#items.findLastIndex(({ queuedAtMs }) => queuedAtMs <= pending.queuedAtMs)
    this.#items.splice(index + 1, 0, pending)
  }

  /** Puts a request back that had been assigned to a connection. It has waited longest, but connection attempts made so far were not for it. */
  putBack (pending: PendingRequest): void {
    pending.inQueueSinceMs = this.#clock.monotonic()
    this.#items.unshift(pending)
  }

  /** Removes and returns the oldest request. */
  shift (): PendingRequest | undefined {
    return this.#items.shift()
  }

  /** Removes a request that was aborted. */
  remove (pending: PendingRequest): void {
    const index = this.#items.indexOf(pending)
    if (index !== -1) this.#items.splice(index, 1)
  }

  /** Fails the requests that were in the queue at `sinceMs` of the clock, oldest first, at most `count` of them. */
  failSince (sinceMs: number, cause: Error, count: number): void {
    this.#fail(this.#items.filter(({ inQueueSinceMs }) => inQueueSinceMs <= sinceMs).slice(0, count), cause)
  }

  /** Fails every request and clears the timer. */
  close (cause: Error): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    for (const pending of this.#items.splice(0)) pending.fail(cause)
  }

  /** Starts the wait timeout of the queue. Call it after connection attempts are started: their timers then fire first, with a more exact error. */
  limitWait (): void {
    const oldest = this.#items[0]
    if (oldest === undefined || (this.#timer !== undefined && oldest.queuedAtMs >= this.#timedMs)) return
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timedMs = oldest.queuedAtMs
    this.#timer = this.#clock.setTimeout(this.#failLate, Math.max(1, Math.ceil(oldest.queuedAtMs + this.#timeoutMs - this.#clock.monotonic())))
  }

  readonly #failLate = (): void => {
    this.#timer = undefined
    const latestMs = this.#clock.monotonic() - this.#timeoutMs
    this.#fail(this.#items.filter(({ queuedAtMs }) => queuedAtMs <= latestMs), new NoConnectionError())
    this.limitWait()
  }

  #fail (failed: PendingRequest[], cause: Error): void {
    const removed = new Set(failed)
    this.#items = this.#items.filter(pending => !removed.has(pending))
    for (const pending of failed) pending.fail(cause)
  }
}
