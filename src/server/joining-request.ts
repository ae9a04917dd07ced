/**
 * An incoming request that joins the short chunks of its body. Node buffers a body by its bytes, but each chunk costs a few hundred bytes
 * of objects, however short it is: a client that sends chunks of one byte would fill the heap with what counts as a few kilobytes.
 */
import { IncomingMessage } from 'node:http'
import { ChunkJoiner, SHORT_CHUNK_BYTES } from '../chunk-joiner.ts'

/**
 * A request of a client, for the `IncomingMessage` option of Node's servers. Short chunks are joined while nobody reads, and those of a
 * chunked body that arrive in one read always: an upload of such chunks costs a write to AMSU for each otherwise.
 */
export class JoiningRequest extends IncomingMessage {
  /** Made with the first short chunk: most requests have none. */
  #joiner: ChunkJoiner | undefined
  #isAwaitingResume = false

  /** Adds a chunk to the body, or ends it with null; Node's parser calls it. Returns false for backpressure. */
  override push (chunk: Buffer | null): boolean {
    if (chunk === null || chunk.length >= SHORT_CHUNK_BYTES || !this.#isJoining()) {
      this.#flush()
      return super.push(chunk)
    }
    const joiner = this.#joiner ??= new ChunkJoiner()
    if (joiner.bytes === 0) setImmediate(() => { this.#onRead() })
    const full = joiner.add(chunk)
    if (full !== undefined) this.#pass(full)
    return this.readableLength + joiner.bytes < this.readableHighWaterMark
  }

  #isJoining (): boolean {
    if (this.readableFlowing === true) return this.headers['transfer-encoding'] !== undefined
    // Whoever reads on `readable` is woken by Node's own `push` only.
    return this.listenerCount('readable') === 0
  }

  /** The parser has read everything that had arrived: it calls back for each chunk, and microtasks run between those calls. */
  #onRead (): void {
    if (this.#joiner === undefined || this.#joiner.bytes === 0) return
    if (this.readableFlowing === true) {
      this.#flush()
    } else if (!this.#isAwaitingResume) {
      this.#isAwaitingResume = true
      this.once('resume', () => { this.#onResume() })
    }
  }

  #onResume (): void {
    this.#isAwaitingResume = false
    this.#flush()
  }

  #flush (): void {
    const joined = this.#joiner?.take()
    if (joined !== undefined) this.#pass(joined)
  }

  #pass (joined: Buffer): void {
    if (!this.destroyed) super.push(joined)
  }
}
