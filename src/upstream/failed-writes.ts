/**
 * Early responses: keeps a connection readable after a failed write (EPIPE, ECONNRESET). A server that rejects an upload early closes the
 * connection with request bytes unread, and its kernel sends a reset after the response. The next write then fails while the response is
 * still unread in our kernel, and Node.js destroys a socket whose write has failed, with all unread data (nginx, Envoy and APISIX lost
 * early responses the same way). So a failed write is only recorded, and the read side decides how the connection ends.
 */
import type { Socket } from 'node:net'

/** How a write fails when the other side has reset or closed the connection. */
const PEER_CLOSED = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

type WriteCallback = (error?: Error | null) => void

/**
 * Reports writes that fail because the peer has closed the connection as successful.
 *
 * @param onFailedWrite called for each of them; nothing more should be written
 */
export function keepReadable (socket: Socket, onFailedWrite: (cause: Error) => void): void {
  const write = socket._write.bind(socket)
  const writev = socket._writev?.bind(socket)
  // A stream writes one chunk at a time, so there is one callback.
  let callback: WriteCallback = () => {}

  function onWritten (error?: Error | null): void {
    const isClosedByPeer = error != null && PEER_CLOSED.has((error as NodeJS.ErrnoException).code ?? '')
    if (isClosedByPeer) onFailedWrite(error)
    callback(isClosedByPeer ? undefined : error)
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
