/**
 * The pieces of a body in one read. Its short chunks are passed on as one piece, because each piece costs objects and a write: AMSU could
 * send thousands of them in one read. A single one is not copied, and none waits for another read.
 */
import { ChunkJoiner, SHORT_CHUNK_BYTES } from '../chunk-joiner.ts'

/** Passes chunks on in their order. */
export class ReadPieces {
  readonly #pass: (piece: Buffer) => void
  /** The first short chunk, until another one follows. */
  #single: Buffer | undefined
  readonly #joiner = new ChunkJoiner()

  constructor (pass: (piece: Buffer) => void) {
    this.#pass = pass
  }

  /** Adds a chunk, and passes on those that it cannot be joined to. */
  add (chunk: Buffer): void {
    if (chunk.length >= SHORT_CHUNK_BYTES) {
      this.end()
      this.#pass(chunk)
      return
    }
    const single = this.#single
    this.#single = undefined
    if (single === undefined && this.#joiner.bytes === 0) {
      this.#single = chunk
      return
    }
    if (single !== undefined) this.#joiner.add(single)
    const full = this.#joiner.add(chunk)
    if (full !== undefined) this.#pass(full)
  }

  /** Passes on what is left at the end of the read. */
  end (): void {
    const piece = this.#single ?? this.#joiner.take()
    this.#single = undefined
    if (piece !== undefined) this.#pass(piece)
  }

  /** Drops what was not passed on. */
  clear (): void {
    this.#single = undefined
    this.#joiner.take()
  }
}
