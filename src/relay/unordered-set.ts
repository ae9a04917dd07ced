/**
 * A set with O(1) add and remove and no garbage, for items that come and go thousands of times a second. A `Set` moves to another table
 * every few hundred changes, and each table it has left knows the next: once one of them is old, the garbage collector keeps all that
 * follow it, with every request that was in flight at the time, until a major collection. Here there is one array, and no trace of who
 * has left.
 */

/** An item that remembers where it lies in the one set it is in. */
export interface UnorderedSetItem {
  /** Written by the set; -1 while it is in none. */
  index: number
}

/** Items in no order. Adding and removing take constant time and allocate nothing. */
export class UnorderedSet<T extends UnorderedSetItem> implements Iterable<T> {
  readonly #items: T[] = []

  get size (): number {
    return this.#items.length
  }

  /** Adds an item that is in no set. */
  add (item: T): void {
    item.index = this.#items.length
    this.#items.push(item)
  }

  /** Removes an item of this set; the last one takes its place. */
  remove (item: T): void {
    const last = this.#items.pop()
    if (last !== undefined && last !== item) {
      this.#items[item.index] = last
      last.index = item.index
    }
    item.index = -1
  }

  /** The items, last one first, so that whoever is looking at one may remove it. */
  * [Symbol.iterator] (): Iterator<T> {
    for (let i = this.#items.length - 1; i >= 0; i--) {
      const item = this.#items[i]
      if (item !== undefined) yield item
    }
  }
}
