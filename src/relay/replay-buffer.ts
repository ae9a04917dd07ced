/**
 * Replay buffer: keeps request bodies for a replay, within a memory limit for all of them together.
 */

/** The memory limit is this many bodies of the largest size. A body for which no memory is left is not kept, so its request is not replayed. */
const MAX_KEPT_BODIES = 16

/** A chunk costs a few hundred bytes of objects, however short it is, and keeps the buffer behind it in memory. So short chunks are joined. */
const MAX_SHORT_CHUNKS = 256
const SHORT_CHUNK_BYTES = 4_096

/** The memory available for all kept bodies. */
export class ReplayBudget {
  /** Largest body that is kept, in bytes. */
  readonly limitBytes: number
  #availableBytes: number

  constructor (limitBytes: number) {
    this.limitBytes = limitBytes
    this.#availableBytes = limitBytes * MAX_KEPT_BODIES
  }

  /** Reserves memory. Returns false if there is not enough. */
  take (bytes: number): boolean {
    if (bytes > this.#availableBytes) return false
    this.#availableBytes -= bytes
    return true
  }

  give (bytes: number): void {
    this.#availableBytes += bytes
  }
}

/** One body, kept while it is streamed. It is dropped as soon as it is too large. */
export class ReplayBuffer {
  readonly #budget: ReplayBudget
  #chunks: Buffer[] | undefined = []
  /** Number of short chunks at the end. */
  #short = 0
  #bytes = 0

  constructor (budget: ReplayBudget) {
    this.#budget = budget
  }

  /** Keeps a chunk if all chunks before it were kept and there is memory. Returns whether it is kept. */
  add (chunk: Buffer): boolean {
    if (this.#chunks === undefined) return false
    if (this.#bytes + chunk.length > this.#budget.limitBytes || !this.#budget.take(chunk.length)) {
      this.release()
      return false
    }
    this.#bytes += chunk.length
    const isShort = chunk.length < SHORT_CHUNK_BYTES
    // Also before a long chunk: otherwise an occasional long one would prevent the short ones from ever being joined.
    if (!isShort || this.#short === MAX_SHORT_CHUNKS) this.#join(this.#chunks)
    this.#chunks.push(chunk)
    if (isShort) this.#short++
    return true
  }

  /** The chunks kept so far; undefined if the body was too large or was released. */
  get chunks (): readonly Buffer[] | undefined {
    return this.#chunks
  }

  /** Whether a chunk of this length could be kept. */
  hasRoom (bytes: number): boolean {
    return this.#chunks !== undefined && this.#bytes + bytes <= this.#budget.limitBytes
  }

  #join (chunks: Buffer[]): void {
    if (this.#short > 0) chunks.push(Buffer.concat(chunks.splice(-this.#short)))
    this.#short = 0
  }

  /** Whether every chunk that was added is kept. */
  get isComplete (): boolean {
    return this.#chunks !== undefined
  }

  /** The kept body in one buffer; undefined if it was too large or was released. */
  body (): Buffer | undefined {
    if (this.#chunks === undefined) return undefined
    this.#chunks = [Buffer.concat(this.#chunks)]
    this.#short = 0
    return this.#chunks[0]
  }

  /** Drops the body and gives its memory back to the budget. */
  release (): void {
    this.#budget.give(this.#bytes)
    this.#bytes = 0
    this.#chunks = undefined
  }
}
