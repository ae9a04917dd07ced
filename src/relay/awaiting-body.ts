/**
 * Eviction: which request makes room for a new one when `MAX_IN_FLIGHT` is reached. A client that sends heads without their bodies could
 * hold all places until the idle timeout, so the request that has waited longest for the first byte of its body is given up. Nothing of it
 * was sent to AMSU; a request that was sent is never given up, because AMSU may have charged it.
 */
import { UnorderedSet, type UnorderedSetItem } from './unordered-set.ts'

/** A request that waits for the first byte of its body. */
export interface AwaitingRequest extends UnorderedSetItem {
  /** Written by the set: the order of the requests. */
  order: number
  /** Ends the request with a local reply. */
  evict: () => void
}

/** The requests that wait for the first byte of their body. */
export class AwaitingBody extends UnorderedSet<AwaitingRequest> {
  #added = 0

  override add (request: AwaitingRequest): void {
    request.order = this.#added++
    super.add(request)
  }

  /** The request that has waited longest; undefined if none waits. It costs time in proportion to their number, and is used at the limit only. */
  get longest (): AwaitingRequest | undefined {
    let longest: AwaitingRequest | undefined
    for (const request of this) if (longest === undefined || request.order < longest.order) longest = request
    return longest
  }
}
