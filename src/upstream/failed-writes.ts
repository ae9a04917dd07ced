/**
 * Keeps a connection readable after a write to it has failed. A server that responds early, to an upload it refuses, closes with bytes
 * of the request unread, and its kernel sends a reset behind the response. The next write then fails while the response lies unread in
 * our kernel, and Node.js destroys a socket whose write has failed, with all that was not read yet (nginx, Envoy and APISIX lost early
 * responses the same way). So the failure is noted, and the read side decides how the connection ends.
 */
import type { Socket } from 'node:net'

/** How a write fails when the other side has reset or closed the connection. */
const PEER_HAS_LEFT = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

type WriteCallback = (error?: Error | null) => void

/**
 * Makes writes that fail because the other side has left count as done.
 *
 * @param onFailedWrite called for each of them; nothing more should be written
 */
export function keepReadable (socket: Socket, onFailedWrite: (cause: Error) => void): void {
  const write = socket._write.bind(socket)
  const writev = socket._writev?.bind(socket)
  // A stream writes one thing at a time, so there is one to be called back.
  let callback: WriteCallback = () => {}

  function onWritten (error?: Error | null): void {
    const hasLeft = error != null && PEER_HAS_LEFT.has((error as NodeJS.ErrnoException).code ?? '')
    if (hasLeft) onFailedWrite(error)
    callback(hasLeft ? undefined : error)
  }

  socket._write = (chunk, encoding, next) => {
    callback = next
    write(chunk, encoding, onWritten)
  }
  if (writev === undefined) return
  socket._writev = (chunks, next) => {
    callback = next
    writev(chunks, onWritten)
  }
}
