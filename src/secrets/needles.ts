/**
 * Looks for many texts at once. Every log line and every answer is searched for each form of each secret, some sixty of them, and
 * next to never holds one: a single pass over the text finds that out in a fraction of the time of as many searches.
 */

/** A pass hashes this many characters at a time; shorter texts can not be looked for. */
const WINDOW = 3

/** A character shifts the hash by five bits, so that what is more than three characters ago is out of it. */
const SHIFT = 5
const HASHES = 2 ** (SHIFT * WINDOW)

/** The texts that are looked for. */
export class Needles {
  /** By the hash of their first characters: 1 where any text begins so. */
  readonly #marks = new Uint8Array(HASHES)
  readonly #byHash = new Map<number, string[]>()

  /** @param texts each of at least three characters */
  constructor (texts: readonly string[]) {
    for (const text of texts) {
      if (text.length < WINDOW) throw new RangeError('too short to be looked for')
      let hash = 0
      for (let i = 0; i < WINDOW; i++) hash = next(hash, text.charCodeAt(i))
      this.#marks[hash] = 1
      this.#byHash.set(hash, [...this.#byHash.get(hash) ?? [], text])
    }
  }

  /** Whether any of the texts is in `haystack`. */
  isIn (haystack: string): boolean {
    let hash = 0
    for (let i = 0; i < haystack.length; i++) {
      hash = next(hash, haystack.charCodeAt(i))
      if (this.#marks[hash] === 1 && this.#isAt(haystack, i - WINDOW + 1, hash)) return true
    }
    return false
  }

  #isAt (haystack: string, position: number, hash: number): boolean {
    return position >= 0 && (this.#byHash.get(hash) ?? []).some(text => haystack.startsWith(text, position))
  }
}

function next (hash: number, charCode: number): number {
  return ((hash << SHIFT) ^ charCode) & (HASHES - 1)
}
