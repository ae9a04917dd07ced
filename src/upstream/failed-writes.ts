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
  function noting (callback: WriteCallback): WriteCallback {
    return error => {
      if (error == null || !PEER_HAS_LEFT.has((error as NodeJS.ErrnoException).code ?? '')) {
        callback(error)
        return
      }
      onFailedWrite(error)
      callback()
    }
  }
  socket._write = (chunk, encoding, callback) => { write(chunk, encoding, noting(callback)) }
  if (writev !== undefined) socket._writev = (chunks, callback) => { writev(chunks, noting(callback)) }
}
