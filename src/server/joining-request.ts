/**
 * An incoming request that joins the short chunks of its body. Node buffers a body by its bytes, but each chunk costs a few hundred bytes
 * of objects, however short it is: a client that sends chunks of one byte would fill the heap with what counts as a few kilobytes.
 */
import { IncomingMessage } from 'node:http'

/** A chunk below this size costs more objects than bytes. */
const SHORT_CHUNK_BYTES = 1_024

/** Sizes of the memory for joined chunks. It doubles, because most bodies that wait are small. */
const FIRST_BLOCK_BYTES = 256
const MAX_BLOCK_BYTES = 16_384

/**
 * A request of a client, for the `IncomingMessage` option of Node's servers. Short chunks are joined while nobody reads, and those of a
 * chunked body that arrive in one read always: an upload of such chunks costs a write to AMSU for each otherwise.
 */
export class JoiningRequest extends IncomingMessage {
  #block: Buffer | undefined
  /** Bytes of the block in use. */
  #bytes = 0
  #isAwaitingResume = false

  /** Adds a chunk to the body, or ends it with null; Node's parser calls it. Returns false for backpressure. */
  override push (chunk: Buffer | null): boolean {
    if (chunk === null || chunk.length >= SHORT_CHUNK_BYTES || !this.#isJoining()) {
      this.#flush()
      return super.push(chunk)
    }
    if (this.#bytes + chunk.length > MAX_BLOCK_BYTES) this.#flush()
    this.#join(chunk)
    return this.readableLength + this.#bytes < this.readableHighWaterMark
  }

  #isJoining (): boolean {
    if (this.readableFlowing === true) return this.headers['transfer-encoding'] !== undefined
    // Whoever reads on `readable` is woken by Node's own `push` only.
    return this.listenerCount('readable') === 0
  }

  #join (chunk: Buffer): void {
    if (this.#block === undefined) setImmediate(this.#onRead)
    const needed = this.#bytes + chunk.length
    if (this.#block === undefined || needed > this.#block.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(MAX_BLOCK_BYTES, Math.max(FIRST_BLOCK_BYTES, needed * 2)))
      this.#block?.copy(larger, 0, 0, this.#bytes)
      this.#block = larger
    }
    this.#bytes += chunk.copy(this.#block, this.#bytes)
  }

  /** The parser has read everything that had arrived: it calls back for each chunk, and microtasks run between those calls. */
  readonly #onRead = (): void => {
    if (this.#block === undefined) return
    if (this.readableFlowing === true) {
      this.#flush()
    } else if (!this.#isAwaitingResume) {
      this.#isAwaitingResume = true
      this.once('resume', this.#onResume)
    }
  }

  readonly #onResume = (): void => {
    this.#isAwaitingResume = false
    this.#flush()
  }

  #flush (): void {
    const block = this.#block
    if (block === undefined) return
    const joined = block.subarray(0, this.#bytes)
    this.#block = undefined
    this.#bytes = 0
    if (!this.destroyed) super.push(joined)
  }
}
