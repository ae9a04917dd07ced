/**
 * Memory of what streams by. The collector frees a buffer when it happens to look, and until then a hundred others have been made:
 * six uploads at once held 80 MB of chunks that had long been written. What is freed at once is used again at once, while it still
 * lies in the processor's cache.
 */

/** Smaller buffers are not worth the call. */
const MIN_RELEASED_BYTES = 8_192

/** Node.js has it since 22; before, the collector does it. */
interface Transferable { transfer?: (newLength: number) => unknown }

/**
 * Frees the memory of a buffer that nobody uses any more, if it is the buffer's own: small ones share theirs. Whoever uses it all the
 * same finds it empty.
 */
export function releaseBuffer (buffer: Buffer): void {
  const memory = buffer.buffer as Transferable & ArrayBufferLike
  if (buffer.length >= MIN_RELEASED_BYTES && buffer.length === memory.byteLength) memory.transfer?.(0)
}
