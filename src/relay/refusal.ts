/**
 * Answers a request that goes no further, and ends its connection without the answer getting lost: closing a socket while bytes
 * of a body are still arriving makes the kernel reset it, and the caller would see that instead of the answer.
 */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { corsHeaders } from './cors.ts'
import { hasBody } from './framing.ts'
import { errorBody, errorHeaders, type ProxyError } from '../errors.ts'

/**
 * How long a connection stays open after an answer that came before the body's end, and how much of that body is read and thrown
 * away. Past that the caller is merely left to wait: a reset would overtake the answer if it has not got round to reading it.
 */
const LINGER_MS = 2_000
const LINGER_BYTES = 4 * 1_048_576

/** Answers `error` and closes the connection. The response's head must not have been sent. */
export function refuse (req: IncomingMessage, res: ServerResponse, error: ProxyError, requestId?: string): void {
  if (hasBody(req)) {
    lingerOnClose(req)
    req.resume() // once it is being read, Node leaves it to us; otherwise it would throw away whatever comes, unseen
  }
  res.writeHead(error.status, STATUS_CODES[error.status], [...errorHeaders(error, requestId), ...corsHeaders(res)])
  res.end(errorBody(error.code))
}

/**
 * Changes how the connection ends once an answer with `Connection: close` is written: no more is sent, what still arrives of the
 * request is discarded for a moment, then it is over. Node ends such a connection with `destroySoon`.
 */
export function lingerOnClose (req: IncomingMessage): void {
  const { socket } = req
  socket.destroySoon = () => {
    socket.end()
    if (req.complete) {
      socket.destroy()
      return
    }
    const timer = setTimeout(() => { socket.destroy() }, LINGER_MS)
    timer.unref()
    socket.once('close', () => { clearTimeout(timer) })
    let discardedBytes = 0
    req.on('data', (chunk: Buffer) => {
      discardedBytes += chunk.length
      if (discardedBytes > LINGER_BYTES) req.pause()
    })
    req.once('end', () => { socket.destroy() })
    req.resume()
  }
}

/**
 * Cuts a connection in the middle of an answer, by a reset where the transport has one: to an HTTP/1.0 caller a plain end would
 * look like the end of the body.
 */
export function cut (socket: Socket): void {
  const isPlainTcp = socket.remoteFamily !== undefined && !('encrypted' in socket)
  // A socket that is just ending can not be reset any more, and Node would then never say that it is closed.
  if (isPlainTcp && !socket.writableEnded) socket.resetAndDestroy()
  else socket.destroy()
}

/** The bytes of a whole answer, for a connection that has no request Node could make a response for. */
export function rawRefusal (error: ProxyError): string {
  const headers = errorHeaders(error)
  let head = `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  return `${head}\r\n${errorBody(error.code)}`
}
