/**
 * Ring buffer: keeps the last items in bounded memory.
 */

/** Keeps the items that were added last. */
export class RingBuffer<T> {
  readonly #size: number
  readonly #items: T[] = []
  #next = 0

  /** @param size how many items are kept */
  constructor (size: number) {
    this.#size = size
  }

  /** Adds an item. A full buffer drops its oldest one. */
  add (item: T): void {
    this.#items[this.#next] = item
    this.#next = (this.#next + 1) % this.#size
  }

  /** The item that was added last. */
  get last (): T | undefined {
    return this.#items.at(this.#next - 1)
  }

  /** The items, newest first. */
  get newest (): T[] {
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)].reverse()
  }
}
