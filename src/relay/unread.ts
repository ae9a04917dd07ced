/**
 * Notices a caller who has its whole answer in the making but does not read it: that holds memory for nothing.
 */

/** Watches how much of an answer is still unread. */
export class UnreadWatch {
  #bytes = -1
  #sinceMs = 0

  /** Whether the same `bytes` have been unread for longer than `limitMs`. All times in milliseconds of the monotonic clock. */
  isStuck (bytes: number, nowMs: number, limitMs: number): boolean {
    if (bytes === this.#bytes) return nowMs - this.#sinceMs > limitMs
    this.#bytes = bytes
    this.#sinceMs = nowMs
    return false
  }
}
