/**
 * Multi-pattern string search. Every log line and every response header is searched for about sixty encodings of secrets, and almost
 * never contains one. One pass over the text is much faster than one search per pattern, and it reads few of the characters: the last
 * three characters of a window, which is as long as the shortest pattern, determine how far the window can move until a pattern could
 * start (Wu and Manber, "A fast algorithm for multi-pattern searching", 1994).
 */

/** The number of characters that are hashed together; shorter patterns are not supported. */
const BLOCK = 3

/** Each character shifts the hash by five bits, so that it covers the last three characters only. */
const SHIFT = 5
const HASHES = 2 ** (SHIFT * BLOCK)

/** The longest window, so that a step fits into a byte of the table. */
const MAX_WINDOW = 255

/** Searches text for a fixed set of patterns. */
export class MultiPatternMatcher {
  /** The number of leading characters of each pattern that are searched: the length of the shortest pattern. */
  readonly #window: number
  /** By the hash of a block: how far the window can move at least until a pattern could start. */
  readonly #steps: Uint8Array
  /** The patterns by the hash of the last block of their window. */
  readonly #byHash = new Map<number, string[]>()

  /** @param patterns each of at least three characters */
  constructor (patterns: readonly string[]) {
    const shortest = patterns.reduce((least, { length }) => Math.min(least, length), MAX_WINDOW)
    if (shortest < BLOCK) throw new RangeError('a pattern is too short')
    this.#window = patterns.length === 0 ? Infinity : shortest
    this.#steps = new Uint8Array(HASHES).fill(shortest - BLOCK + 1)
    for (const text of patterns) {
      for (let end = BLOCK; end <= shortest; end++) this.#setStep(hashAt(text, end - 1), shortest - end)
      const last = hashAt(text, shortest - 1)
      const alike = this.#byHash.get(last)
      if (alike === undefined) this.#byHash.set(last, [text])
      else alike.push(text)
    }
  }

  /** Whether `haystack` contains any of the patterns. */
  matches (haystack: string): boolean {
    for (let end = this.#window - 1; end < haystack.length;) {
      const hash = hashAt(haystack, end)
      const step = this.#steps[hash] as number
      if (step === 0 && this.#isAt(haystack, end - this.#window + 1, hash)) return true
      end += step === 0 ? 1 : step
    }
    return false
  }

  #setStep (hash: number, step: number): void {
    this.#steps[hash] = Math.min(this.#steps[hash] as number, step)
  }

  #isAt (haystack: string, position: number, hash: number): boolean {
    return (this.#byHash.get(hash) ?? []).some(text => haystack.startsWith(text, position))
  }
}

/** Returns the hash of the block that ends with the character at `end`. */
function hashAt (text: string, end: number): number {
  return ((text.charCodeAt(end - 2) << SHIFT * 2) ^ (text.charCodeAt(end - 1) << SHIFT) ^ text.charCodeAt(end)) & (HASHES - 1)
}
