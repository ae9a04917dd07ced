/**
 * Request bodies that are kept so that they can be sent once more, and the memory all of them may take together.
 */

/** Bodies of this many requests of the largest size may be kept at once; further ones are sent once only. */
const MAX_KEPT_BODIES = 16

/** A piece is a few hundred bytes of objects, however short it is, and keeps alive what it is a part of: so many short ones are joined. */
const MAX_SHORT_PIECES = 256
const SHORT_PIECE_BYTES = 4_096

/** The memory that is left for all kept bodies. */
export class ReplayBudget {
  /** Largest body that is kept, in bytes. */
  readonly limitBytes: number
  #availableBytes: number

  constructor (limitBytes: number) {
    this.limitBytes = limitBytes
    this.#availableBytes = limitBytes * MAX_KEPT_BODIES
  }

  /** Takes memory if there is enough. */
  take (bytes: number): boolean {
    if (bytes > this.#availableBytes) return false
    this.#availableBytes -= bytes
    return true
  }

  give (bytes: number): void {
    this.#availableBytes += bytes
  }
}

/** One body, kept while it streams by; gives up, and forgets everything, as soon as it is too large. */
export class ReplayBuffer {
  readonly #budget: ReplayBudget
  #chunks: Buffer[] | undefined = []
  /** How many of the last chunks are short. */
  #short = 0
  #bytes = 0

  constructor (budget: ReplayBudget) {
    this.#budget = budget
  }

  /** Keeps a piece, if everything before it was kept and there is room; returns whether it is kept. */
  add (chunk: Buffer): boolean {
    if (this.#chunks === undefined) return false
    if (this.#bytes + chunk.length > this.#budget.limitBytes || !this.#budget.take(chunk.length)) {
      this.release()
      return false
    }
    this.#bytes += chunk.length
    this.#chunks.push(chunk)
    this.#short = chunk.length < SHORT_PIECE_BYTES ? this.#short + 1 : 0
    if (this.#short === MAX_SHORT_PIECES) {
      this.#chunks.push(Buffer.concat(this.#chunks.splice(-MAX_SHORT_PIECES)))
      this.#short = 0
    }
    return true
  }

  /** Whether everything that was added is kept. */
  get isComplete (): boolean {
    return this.#chunks !== undefined
  }

  /** All that has been kept, or undefined when it was too large or has been released. */
  body (): Buffer | undefined {
    if (this.#chunks === undefined) return undefined
    this.#chunks = [Buffer.concat(this.#chunks)]
    this.#short = 0
    return this.#chunks[0]
  }

  /** Forgets the body and gives its memory back. */
  release (): void {
    this.#budget.give(this.#bytes)
    this.#bytes = 0
    this.#chunks = undefined
  }
}
