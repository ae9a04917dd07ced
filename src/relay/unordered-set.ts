/**
 * A set with O(1) add and remove and no garbage, for short-lived items. A `Set` moves to another table every few hundred changes, and each
 * old table refers to the next one. Once one of them is in the old generation, the garbage collector keeps all that follow, with every
 * request that was in flight then, until a major collection. This set is one array and keeps no reference to removed items.
 */

/** An item that stores its index in the set it belongs to. */
export interface UnorderedSetItem {
  /** Written by the set; -1 while the item is in none. */
  index: number
}

/** A set of items in no particular order. */
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

  /** Removes an item of this set; the last item takes its index. */
  remove (item: T): void {
    const last = this.#items.pop()
    if (last !== undefined && last !== item) {
      this.#items[item.index] = last
      last.index = item.index
    }
    item.index = -1
  }

  /** Iterates from the last item to the first, so that the current item may be removed. */
  * [Symbol.iterator] (): Iterator<T> {
    for (let i = this.#items.length - 1; i >= 0; i--) {
      const item = this.#items[i]
      if (item !== undefined) yield item
    }
  }
}
