/**
 * Request history for the status page: the last requests, and the last hour by minute. Its memory is bounded.
 */
import type { Clock } from '../clock.ts'
import type { Outcome } from '../relay/context.ts'
import { RingBuffer } from './ring-buffer.ts'

/** How many requests are kept. */
const KEPT_REQUESTS = 50

/** How many minutes are kept. */
const KEPT_MINUTES = 60

const MINUTE_MS = 60_000

/** A request that has ended, with the fields that an operator needs. */
export interface PastRequest extends Pick<Outcome, 'requestId' | 'caller' | 'method' | 'path' | 'status' | 'errorCode' | 'durationMs'> {
  /** When it ended, in milliseconds since the Unix epoch. */
  readonly endedAt: number
}

/** The requests of one minute. */
export interface Minute {
  requests: number
  /** Those with a 4xx or 5xx response of AMSU or the proxy, and those that the client aborted. */
  errors: number
}

/** Keeps the last requests of a proxy. */
export class History {
  readonly #clock: Pick<Clock, 'wall'>
  readonly #requests = new RingBuffer<PastRequest>(KEPT_REQUESTS)
  /** Indexed by minute of the epoch, modulo the minutes kept; `minute` is the one that the slot holds now. */
  readonly #minutes = Array.from({ length: KEPT_MINUTES }, () => ({ minute: -1, requests: 0, errors: 0 }))

  constructor (clock: Pick<Clock, 'wall'>) {
    this.#clock = clock
  }

  /** Adds a request. The cause of its error is omitted, because it may keep buffers and connections in memory. */
  add ({ caller, durationMs, errorCode, method, path, requestId, status }: Outcome): void {
    const endedAt = this.#clock.wall()
    this.#requests.add({ endedAt, requestId, caller, method, path, status, errorCode, durationMs })
    const minute = Math.floor(endedAt / MINUTE_MS)
    const slot = this.#minutes[minute % KEPT_MINUTES] as Minute & { minute: number }
    if (slot.minute !== minute) Object.assign(slot, { minute, requests: 0, errors: 0 })
    slot.requests++
    if (status >= 400) slot.errors++
  }

  /** The last requests, newest first. */
  get requests (): PastRequest[] {
    return this.#requests.newest
  }

  /** The request that ended last. */
  get last (): PastRequest | undefined {
    return this.#requests.last
  }

  /** The last hour, oldest minute first; the last one has not ended yet. */
  get lastHour (): Minute[] {
    const now = Math.floor(this.#clock.wall() / MINUTE_MS)
    return Array.from({ length: KEPT_MINUTES }, (_, i) => {
      const minute = now - KEPT_MINUTES + 1 + i
      const slot = this.#minutes[minute % KEPT_MINUTES]
      return slot?.minute === minute ? { requests: slot.requests, errors: slot.errors } : { requests: 0, errors: 0 }
    })
  }
}
