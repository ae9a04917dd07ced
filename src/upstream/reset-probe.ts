/**
 * Tells the end of a connection from a reset. Node.js 20 reports a reset (RST) that is received together with bytes as an end (FIN): libuv
 * takes a hang-up behind a short read for one. A response body that ends with its connection would then look complete when it was cut
 * (RFC 9112 section 8). The kernel still knows: after a reset every write fails, even one of zero bytes, which sends nothing.
 */
import type { Socket } from 'node:net'
import { transportOf } from './tls-client.ts'

const NOTHING = Buffer.alloc(0)

/**
 * Makes the kernel report a reset as a failed write, at the `end` of a socket that allows half-open connections.
 *
 * @param onProbed called with the cause if the write has failed, unless the socket itself has reported that
 */
export function probeForReset (socket: Socket, onProbed: (cause: Error | undefined) => void): void {
  let cause: Error | undefined
  // TLS would not report that the write of no bytes has failed. A write in progress fails by itself, in this turn of the event loop.
  if (socket.writableLength === 0) transportOf(socket).write(NOTHING, error => { cause = error ?? undefined })
  setImmediate(() => { onProbed(cause) })
}
