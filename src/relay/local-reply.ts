/** Local replies: responses of the proxy itself, which end their connection by a lingering close; and how a response that broke is cut. */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorBody, errorHeaders, type ProxyError } from '../errors.ts'
import { corsHeaders } from '../guards/cors.ts'
import { hasBody } from './framing.ts'
import { lingerForCaller } from './lingering-close.ts'

/** Sends `error` and closes the connection. The response's head must not have been written. */
export function sendLocalReply (req: IncomingMessage, res: ServerResponse, error: ProxyError, requestId?: string): void {
  if (hasBody(req) && !req.complete && error.code.startsWith('UPSTREAM_')) lingerForCaller(req.socket)
  res.writeHead(error.status, STATUS_CODES[error.status], [...errorHeaders(error, requestId), ...corsHeaders(res)])
  res.end(errorBody(error.code))
}

/**
 * Cuts a connection in the middle of a response, by a reset where the transport has one: to an HTTP/1.0 client a plain end would look
 * like the end of the body.
 */
export function resetConnection (socket: Socket): void {
  const isPlainTcp = socket.remoteFamily !== undefined && !('encrypted' in socket)
  // A socket that is just ending cannot be reset any more, and Node would then never say that it is closed. It ends behind its last byte only.
  if (!isPlainTcp || (socket.writableEnded && socket.writableLength === 0)) {
    socket.destroy()
    return
  }
  // Node 20 would send an end first, for what has just been written.
  socket.destroySoon = () => { socket.destroy() }
  socket.resetAndDestroy()
}

/** The bytes of a whole local reply, for a connection on which Node has no response for it. */
export function rawLocalReply (error: ProxyError, requestId?: string): string {
  const headers = errorHeaders(error, requestId)
  let head = `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  return `${head}\r\n${errorBody(error.code)}`
}
