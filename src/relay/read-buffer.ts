/**
 * How bytes are taken from the connections to AMSU. Node allocates 64 KiB for every read and gives back what was too much; most
 * answers are a few hundred bytes. Here all connections read into one buffer, and what came is copied out of it at once.
 */
import type { OnReadOpts, Socket } from 'node:net'

/** Bytes of one read at most, as in Node. */
const LARGEST_READ = 65_536

/** Options for `net.connect` and `tls.connect`; one object serves any number of connections, because reads never overlap. */
export function createSharedReads (): OnReadOpts {
  return {
    buffer: Buffer.allocUnsafeSlow(LARGEST_READ),
    callback (this: Socket, length: number, buffer: Uint8Array) {
      const chunk = Buffer.allocUnsafe(length)
      chunk.set(length === LARGEST_READ ? buffer : buffer.subarray(0, length))
      return this.push(chunk)
    },
  }
}
