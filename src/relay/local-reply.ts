/**
 * Local replies: responses of the proxy itself, which end their connection without getting lost. Closing a socket while bytes of a
 * request are still arriving makes the kernel reset it, and the client would see that instead of the response; so the connection
 * lingers first (a lingering close, as nginx has it).
 */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorBody, errorHeaders, type ProxyError } from '../errors.ts'
import { corsHeaders } from '../guards/cors.ts'
import { hasBody } from './framing.ts'

/**
 * How long a connection lingers while nothing arrives, how long at most, how often that is looked at, and how much is read and
 * discarded of a request that was refused. A client that has written more by then finds the response before the reset, if it reads.
 */
const LINGER_MS = 2_000
const MAX_LINGER_MS = 120_000
const LINGER_CHECK_MS = 250
const LINGER_BYTES = 4 * 1_048_576

/** Sends `error` and closes the connection. The response's head must not have been written. */
export function sendLocalReply (req: IncomingMessage, res: ServerResponse, error: ProxyError, requestId?: string): void {
  if (hasBody(req) && !req.complete) {
    lingerOnClose(req, error.code.startsWith('UPSTREAM_') ? Infinity : LINGER_BYTES)
    req.resume() // once it is being read, Node leaves it to us; otherwise it would throw away whatever comes, unseen
  }
  res.writeHead(error.status, STATUS_CODES[error.status], [...errorHeaders(error, requestId), ...corsHeaders(res)])
  res.end(errorBody(error.code))
}

/**
 * Changes how the connection ends once a response with `Connection: close` is written: no more is sent, what still arrives of the
 * request is discarded for a moment, then it is over. Node ends such a connection with `destroySoon`.
 *
 * @param limitBytes what is discarded at most; a client that was let in may write all of its body before it reads
 */
export function lingerOnClose (req: IncomingMessage, limitBytes = Infinity): void {
  const { socket } = req
  socket.destroySoon = () => {
    socket.end()
    if (req.complete) {
      socket.destroy()
      return
    }
    destroyLater(socket, limitBytes)
    let discardedBytes = 0
    req.on('data', (chunk: Buffer) => {
      discardedBytes += chunk.length
      if (discardedBytes > limitBytes) req.pause()
    })
    req.once('end', () => { socket.destroy() })
    req.resume()
  }
}

/**
 * Makes a connection linger at its end, as it must where more may have arrived than was read: the reset that closing it causes would
 * take the end of the last response with it.
 */
export function lingeringClose (socket: Socket): void {
  socket.destroySoon = () => {
    if (socket.writableEnded) return
    socket.end()
    destroyLater(socket)
  }
}

/** Sends `error` on a connection for which Node has no response, and closes it by a lingering close. */
export function endWithLocalReply (socket: Socket, error: ProxyError, requestId?: string): void {
  socket.end(rawLocalReply(error, requestId))
  destroyLater(socket)
  socket.resume()
}

/**
 * Cuts a connection in the middle of a response, by a reset where the transport has one: to an HTTP/1.0 client a plain end would look
 * like the end of the body.
 */
export function resetConnection (socket: Socket): void {
  const isPlainTcp = socket.remoteFamily !== undefined && !('encrypted' in socket)
  // A socket that is just ending can not be reset any more, and Node would then never say that it is closed.
  if (!isPlainTcp || socket.writableEnded) {
    socket.destroy()
    return
  }
  // Node 20 would send an end first, for what has just been written.
  socket.destroySoon = () => { socket.destroy() }
  socket.resetAndDestroy()
}

/** Ends a lingering connection once nothing arrives any more. */
function destroyLater (socket: Socket, limitBytes = LINGER_BYTES): void {
  const startBytes = socket.bytesRead
  let seenBytes = startBytes
  let lingeredMs = 0
  let silentMs = 0
  const timer = setInterval(() => {
    const { bytesRead } = socket
    lingeredMs += LINGER_CHECK_MS
    silentMs = bytesRead === seenBytes ? silentMs + LINGER_CHECK_MS : 0
    seenBytes = bytesRead
    if (silentMs >= LINGER_MS || lingeredMs >= MAX_LINGER_MS) socket.destroy()
    else if (bytesRead - startBytes > limitBytes) socket.pause()
  }, LINGER_CHECK_MS)
  timer.unref()
  socket.once('close', () => { clearInterval(timer) })
}

/** The bytes of a whole response. */
function rawLocalReply (error: ProxyError, requestId?: string): string {
  const headers = errorHeaders(error, requestId)
  let head = `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  return `${head}\r\n${errorBody(error.code)}`
}
