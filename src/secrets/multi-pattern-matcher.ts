/**
 * Multi-pattern search: looks for many texts at once. Every log line and every answer is searched for each form of each secret, some
 * sixty of them, and next to never holds one. A single pass over the text finds that out in a fraction of the time of as many searches,
 * and it looks at few of the characters: by the last three of as many as the shortest text has it tells how far the next place is at
 * which a text could be (Wu and Manber, "A fast algorithm for multi-pattern searching", 1994).
 */

/** So many characters are looked at together; shorter texts can not be looked for. */
const BLOCK = 3

/** A character shifts the hash by five bits, so that what is more than three characters ago is out of it. */
const SHIFT = 5
const HASHES = 2 ** (SHIFT * BLOCK)

/** A step has room in a byte of the table. */
const MAX_WINDOW = 255

/** The texts that are looked for. */
export class MultiPatternMatcher {
  /** Characters of each text by which it is looked for: as many as the shortest has. */
  readonly #window: number
  /** By the hash of a block: how far it is at least from the end of a window that could begin a text. */
  readonly #steps: Uint8Array
  /** By the hash of the last block of their window. */
  readonly #byHash = new Map<number, string[]>()

  /** @param patterns each of at least three characters */
  constructor (patterns: readonly string[]) {
    const shortest = Math.min(MAX_WINDOW, ...patterns.map(({ length }) => length))
    if (shortest < BLOCK) throw new RangeError('too short to be looked for')
    this.#window = patterns.length === 0 ? Infinity : shortest
    this.#steps = new Uint8Array(HASHES).fill(shortest - BLOCK + 1)
    for (const text of patterns) {
      for (let end = BLOCK; end <= shortest; end++) this.#note(hashAt(text, end - 1), shortest - end)
      const last = hashAt(text, shortest - 1)
      this.#byHash.set(last, [...this.#byHash.get(last) ?? [], text])
    }
  }

  /** Whether any of the texts is in `haystack`. */
  matches (haystack: string): boolean {
    for (let end = this.#window - 1; end < haystack.length;) {
      const hash = hashAt(haystack, end)
      const step = this.#steps[hash] as number
      if (step === 0 && this.#isAt(haystack, end - this.#window + 1, hash)) return true
      end += step === 0 ? 1 : step
    }
    return false
  }

  #note (hash: number, step: number): void {
    this.#steps[hash] = Math.min(this.#steps[hash] as number, step)
  }

  #isAt (haystack: string, position: number, hash: number): boolean {
    return (this.#byHash.get(hash) ?? []).some(text => haystack.startsWith(text, position))
  }
}

/** The hash of the block that ends with the character at `end`. */
function hashAt (text: string, end: number): number {
  return ((text.charCodeAt(end - 2) << SHIFT * 2) ^ (text.charCodeAt(end - 1) << SHIFT) ^ text.charCodeAt(end)) & (HASHES - 1)
}
