/** Local replies: the proxy's own error responses, each followed by a lingering close; and the reset of a connection after a broken response. */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorBody, errorHeaders, type ProxyError } from '../errors.ts'
import { corsHeaders } from '../guards/cors.ts'
import { hasBody } from './framing.ts'
import { lingerForAcceptedClient } from './lingering-close.ts'

/** Sends `error` as a local reply and closes the connection. The response's head must not have been written. */
export function sendLocalReply (req: IncomingMessage, res: ServerResponse, error: ProxyError, requestId?: string): void {
  if (hasBody(req) && !req.complete && error.code.startsWith('UPSTREAM_')) lingerForAcceptedClient(req.socket)
  res.writeHead(error.status, STATUS_CODES[error.status], [...errorHeaders(error, requestId), ...corsHeaders(res)])
  res.end(errorBody(error))
}

/**
 * Aborts a connection in the middle of a response, by a TCP reset where possible: an HTTP/1.0 client would take a normal close for the end
 * of the body.
 */
export function resetConnection (socket: Socket): void {
  const isPlainTcp = socket.remoteFamily !== undefined && !('encrypted' in socket)
  // A socket whose last byte is written cannot be reset any more: Node would then never emit `close`.
  if (!isPlainTcp || (socket.writableEnded && socket.writableLength === 0)) {
    socket.destroy()
    return
  }
  // Node 20 would send a FIN first if data was written just now.
  socket.destroySoon = () => { socket.destroy() }
  socket.resetAndDestroy()
}

/** A local reply as raw bytes, for a connection on which Node has no response object. */
export function rawLocalReply (error: ProxyError, requestId?: string): string {
  const headers = errorHeaders(error, requestId)
  let head = `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  return `${head}\r\n${errorBody(error)}`
}
