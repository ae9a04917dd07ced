/**
 * Eviction: which request makes room for a new one when `MAX_IN_FLIGHT` is reached. A client that sends heads without their bodies could
 * hold all places until the idle timeout, so the request that has waited longest for the first byte of its body is given up. Nothing of it
 * was sent to AMSU; a request that was sent is never given up, because AMSU may have charged it. One that has not waited for long is not
 * given up either: its body is on the way, and if every new request ended an older one, honest clients would end each other.
 */
import type { Clock } from '../clock.ts'
import { UnorderedSet, type UnorderedSetItem } from './unordered-set.ts'

/** A body that has not begun this long after its head is not on the way. Round trips and `100 Continue` take less. */
const MIN_WAIT_MS = 1_000

/** A request that waits for the first byte of its body. */
export interface AwaitingRequest extends UnorderedSetItem {
  /** Written by the set: the order of the requests. */
  order: number
  /** Written by the set: since when it has waited. */
  sinceMs: number
  /** Ends the request with a local reply. */
  evict: () => void
}

/** The requests that wait for the first byte of their body. */
export class AwaitingBody extends UnorderedSet<AwaitingRequest> {
  readonly #clock: Pick<Clock, 'monotonic'>
  #added = 0

  constructor (clock: Pick<Clock, 'monotonic'>) {
    super()
    this.#clock = clock
  }

  override add (request: AwaitingRequest): void {
    request.order = this.#added++
    request.sinceMs = this.#clock.monotonic()
    super.add(request)
  }

  /** The request that has waited longest; undefined if none has waited for a second. It costs time in proportion to their number, and is used at the limit only. */
  get longest (): AwaitingRequest | undefined {
    let longest: AwaitingRequest | undefined
    for (const request of this) if (longest === undefined || request.order < longest.order) longest = request
    return longest !== undefined && this.#clock.monotonic() - longest.sinceMs >= MIN_WAIT_MS ? longest : undefined
  }
}
