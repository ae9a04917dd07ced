/**
 * Releases the memory of streamed buffers without waiting for the garbage collector. The collector frees a buffer late, after a hundred
 * others have been allocated: six simultaneous uploads kept 80 MB of chunks that had been written long before. Memory that is released
 * at once is also reused at once, while it is still in the processor's cache.
 */

/** Smaller buffers are not worth the call. */
const MIN_RELEASED_BYTES = 8_192

/** Node.js has `transfer` since 22; before that, the collector frees the memory. */
interface Transferable { transfer?: (newLength: number) => unknown }

/**
 * Releases the memory of a buffer that is no longer used, if the buffer owns it: small buffers share theirs. A buffer that is used
 * afterwards is empty.
 */
export function releaseBuffer (buffer: Buffer): void {
  const memory = buffer.buffer as Transferable & ArrayBufferLike
  if (buffer.length >= MIN_RELEASED_BYTES && buffer.length === memory.byteLength) memory.transfer?.(0)
}
