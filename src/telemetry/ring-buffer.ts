/**
 * The last few of something, in memory that does not grow.
 */

/** Keeps what was added last. */
export class RingBuffer<T> {
  readonly #size: number
  readonly #items: T[] = []
  #next = 0

  /** @param size how many are kept */
  constructor (size: number) {
    this.#size = size
  }

  /** Adds one, in the place of the oldest once there are enough. */
  add (item: T): void {
    this.#items[this.#next] = item
    this.#next = (this.#next + 1) % this.#size
  }

  /** What was added last. */
  get last (): T | undefined {
    return this.#items.at(this.#next - 1)
  }

  /** What is kept, newest first. */
  get newest (): T[] {
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)].reverse()
  }
}
