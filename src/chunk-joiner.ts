/**
 * Joins short chunks of a body. Whoever keeps chunks counts their bytes, but each costs a few hundred bytes of objects, however short it
 * is: a sender of chunks of one byte would fill the heap with what counts as a few kilobytes.
 */

/** A chunk below this size costs more objects than bytes. */
export const SHORT_CHUNK_BYTES = 1_024

/** Sizes of the memory for joined chunks. It doubles, because most bodies that wait are small. */
const FIRST_BLOCK_BYTES = 256
const MAX_BLOCK_BYTES = 16_384

/** Joins short chunks that follow each other. */
export class ChunkJoiner {
  #block: Buffer | undefined
  #bytes = 0

  /** Bytes that were added and not taken. */
  get bytes (): number {
    return this.#bytes
  }

  /** Adds a short chunk. Returns what was joined before it, if it has no room there. */
  add (chunk: Buffer): Buffer | undefined {
    const full = this.#bytes + chunk.length > MAX_BLOCK_BYTES ? this.take() : undefined
    const needed = this.#bytes + chunk.length
    if (this.#block === undefined || needed > this.#block.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(MAX_BLOCK_BYTES, Math.max(FIRST_BLOCK_BYTES, needed * 2)))
      this.#block?.copy(larger, 0, 0, this.#bytes)
      this.#block = larger
    }
    this.#bytes += chunk.copy(this.#block, this.#bytes)
    return full
  }

  /** Takes what was joined; undefined if there is nothing. */
  take (): Buffer | undefined {
    const joined = this.#block?.subarray(0, this.#bytes)
    this.#block = undefined
    this.#bytes = 0
    return joined
  }
}

/** A body that is kept whole, in few buffers. */
export class KeptChunks {
  readonly #joiner = new ChunkJoiner()
  readonly #chunks: Buffer[] = []
  #bytes = 0

  /** Bytes of all chunks. */
  get bytes (): number {
    return this.#bytes
  }

  add (chunk: Buffer): void {
    this.#bytes += chunk.length
    const isShort = chunk.length < SHORT_CHUNK_BYTES
    const joined = isShort ? this.#joiner.add(chunk) : this.#joiner.take()
    if (joined !== undefined) this.#chunks.push(joined)
    if (!isShort) this.#chunks.push(chunk)
  }

  /** The body so far, in its order. */
  all (): readonly Buffer[] {
    const joined = this.#joiner.take()
    if (joined !== undefined) this.#chunks.push(joined)
    return this.#chunks
  }
}
