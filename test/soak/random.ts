/** Chance that can be had again: every choice of a soak comes from its seed. */

/** A source of chance. */
export interface Random {
  /** A number from 0 to below 1. */
  next: () => number
  /** A number from `least` to below `most`. */
  between: (least: number, most: number) => number
  /** True with this probability. */
  chance: (probability: number) => boolean
  /** One of these. */
  pick: <T>(items: readonly T[]) => T
  /** The same items in another order. */
  shuffle: <T>(items: readonly T[]) => T[]
}

/** Creates a source whose numbers depend on the seed alone (mulberry32, public domain). */
export function createRandom (seed: number): Random {
  let state = seed >>> 0
  function next (): number {
    state = (state + 0x6D2B79F5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    next,
    between: (least, most) => least + next() * (most - least),
    chance: probability => next() < probability,
    pick: <T>(items: readonly T[]) => items[Math.floor(next() * items.length)] as T,
    shuffle: items => items.map(item => ({ item, place: next() })).sort((a, b) => a.place - b.place).map(({ item }) => item),
  }
}
