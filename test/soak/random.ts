/** Repeatable random numbers: every choice of a soak comes from its seed. */
import { createNumbers } from '../simulator/random.ts'

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

/** Creates a source whose numbers depend on the seed alone. */
export function createRandom (seed: number): Random {
  const next = createNumbers(seed)
  return {
    next,
    between: (least, most) => least + next() * (most - least),
    chance: probability => next() < probability,
    pick: <T>(items: readonly T[]) => items[Math.floor(next() * items.length)] as T,
    shuffle: items => items.map(item => ({ item, place: next() })).sort((a, b) => a.place - b.place).map(({ item }) => item),
  }
}
