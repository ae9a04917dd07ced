/**
 * What has happened of late, for people: the last requests one by one, and the last hour minute by minute. Its memory is fixed.
 */
import type { Clock } from '../clock.ts'
import type { Outcome } from '../relay/context.ts'
import { RingBuffer } from './ring-buffer.ts'

/** Requests that are kept one by one. */
const KEPT_REQUESTS = 50

/** Minutes that are kept. */
const KEPT_MINUTES = 60

const MINUTE_MS = 60_000

/** A request that has ended: what an operator needs of its outcome. */
export interface PastRequest extends Pick<Outcome, 'requestId' | 'caller' | 'method' | 'path' | 'status' | 'errorCode' | 'durationMs'> {
  /** When it ended, in milliseconds since the Unix epoch. */
  readonly endedAt: number
}

/** The requests of one minute. */
export interface Minute {
  requests: number
  /** Those answered with 4xx or 5xx, by AMSU or by us, and those whose caller left. */
  errors: number
}

/** Remembers the requests of a proxy. */
export class History {
  readonly #clock: Pick<Clock, 'wall'>
  readonly #requests = new RingBuffer<PastRequest>(KEPT_REQUESTS)
  /** By minute of the epoch, modulo the minutes kept; `minute` says which one the place holds now. */
  readonly #minutes = Array.from({ length: KEPT_MINUTES }, () => ({ minute: -1, requests: 0, errors: 0 }))

  constructor (clock: Pick<Clock, 'wall'>) {
    this.#clock = clock
  }

  /** Remembers a request. The cause of its error is left out: it may hold on to buffers and connections. */
  add ({ caller, durationMs, errorCode, method, path, requestId, status }: Outcome): void {
    const endedAt = this.#clock.wall()
    this.#requests.add({ endedAt, requestId, caller, method, path, status, errorCode, durationMs })
    const minute = Math.floor(endedAt / MINUTE_MS)
    const place = this.#minutes[minute % KEPT_MINUTES] as Minute & { minute: number }
    if (place.minute !== minute) Object.assign(place, { minute, requests: 0, errors: 0 })
    place.requests++
    if (status >= 400) place.errors++
  }

  /** The last requests, newest first. */
  get requests (): PastRequest[] {
    return this.#requests.newest
  }

  /** The request that ended last. */
  get last (): PastRequest | undefined {
    return this.#requests.last
  }

  /** The last hour, oldest minute first; the last one is still under way. */
  get lastHour (): Minute[] {
    const now = Math.floor(this.#clock.wall() / MINUTE_MS)
    return Array.from({ length: KEPT_MINUTES }, (_, i) => {
      const minute = now - KEPT_MINUTES + 1 + i
      const place = this.#minutes[minute % KEPT_MINUTES]
      return place?.minute === minute ? { requests: place.requests, errors: place.errors } : { requests: 0, errors: 0 }
    })
  }
}
