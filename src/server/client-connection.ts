/**
 * One connection of a client, and the only owner of what happens on it: requests in their order, the response in flight, faults of
 * bytes that are no request, and the end. Pipelined requests are handled one after the other (RFC 9112 section 9.3.2 allows more for
 * safe methods only), so that what goes wrong with one never touches the one before it, and what stands behind a refused one is
 * never executed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ProxyError } from '../errors.ts'
import type { ConnectionExchange, ExchangeConnection } from '../relay/context.ts'
import { LingeringClose } from '../relay/lingering-close.ts'
import { rawLocalReply, resetConnection, sendLocalReply } from '../relay/local-reply.ts'
import type { UnorderedSetItem } from '../relay/unordered-set.ts'
import { WriteStallDetector } from '../relay/write-stall.ts'
import { requestError } from './client-errors.ts'

/**
 * Pipelined requests that may wait behind the one in flight, and bytes that are read for them: a head takes ten times its bytes of memory. What a
 * client sends beyond is discarded, and the last one ends the connection.
 */
const MAX_WAITING = 64
const MAX_WAITING_BYTES = 65_536

/** How a request asks for another protocol on its connection (RFC 9110 section 7.8). */
const UPGRADE_OPTION = /(?:^|,)[\t ]*upgrade[\t ]*(?:,|$)/i

/** What a connection hands on. */
export interface ConnectionHandler {
  /** Handles a request; it ends with its response. */
  onRequest: (req: IncomingMessage, res: ServerResponse, connection: ClientConnection) => void
  /** What is refused before any route sees it, or is no request at all; returns the id of the local reply. */
  onRejected: (error: ProxyError, req?: IncomingMessage) => string
}

/** A request that was read, and what is wrong with the rest of it. */
interface ReadRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  error: ProxyError | undefined
}

/** What is refused behind the requests that were read. */
interface Rejection {
  readonly error: ProxyError
  readonly req: IncomingMessage | undefined
}

/** A connection that has been accepted. */
export class ClientConnection implements ExchangeConnection, UnorderedSetItem {
  index = -1
  exchange: ConnectionExchange | undefined
  readonly #socket: Socket
  readonly #handler: ConnectionHandler
  readonly #close: LingeringClose
  readonly #writeStall = new WriteStallDetector()
  readonly #waiting: ReadRequest[] = []
  #current: ReadRequest | undefined
  /** The request that was read last, until its response is done: what is not complete of it is read next. */
  #last: ReadRequest | undefined
  #isFirst = true
  /** Nothing that follows on this connection is a request. */
  #isClosing = false
  #isBroken = false
  #isPipelined = false
  /** Bytes that had been read when the first of those that wait came. */
  #waitingFromBytes = 0
  /** Bytes that had been read when it last waited for nothing. */
  #idleBytes: number
  /** What was wrong behind the requests that were read; told when they are done. */
  #trailing: Rejection | undefined

  constructor (socket: Socket, handler: ConnectionHandler) {
    this.#socket = socket
    this.#handler = handler
    this.#close = new LingeringClose(socket)
    // Node takes its own listeners away when it hands a socket out (CONNECT), and an error nobody hears ends the process.
    socket.on('error', () => {})
    // Before Node's own listener, which ends the socket: then it could not be reset any more.
    socket.prependListener('end', () => { this.#onClientEnd() })
    this.#idleBytes = socket.bytesRead
  }

  /** Whether a request is in flight on it. */
  get isBusy (): boolean {
    return this.#current !== undefined
  }

  /** Whether it waits for nothing: no request is in flight, and no byte of a further one has come. */
  get isIdle (): boolean {
    return this.#current === undefined && this.#socket.bytesRead === this.#idleBytes
  }

  /** Whether what it reads is no request any more: it has come to bytes that are none, or is ending. */
  get isDeaf (): boolean {
    return this.#isBroken || this.#close.isStarted
  }

  /** Takes a request that was read from it. */
  accept (req: IncomingMessage, res: ServerResponse): void {
    // Node goes on parsing what it has read after the connection has ended: nobody could be told what becomes of it.
    if (this.#isClosing || !this.#socket.writable || this.#isFull) {
      this.#isClosing = true
      this.#close.discard()
      return
    }
    const request = { req, res, error: requestError(req, this.#isFirst) }
    this.#isFirst = false
    this.#last = request
    if (request.error !== undefined || asksForUpgrade(req)) this.#isClosing = true
    if (this.#current === undefined) this.#start(request)
    else this.#queue(request)
  }

  /**
   * What follows on it is no request, or not the rest of one. Requests before it get their responses first.
   *
   * @param req what Node made of it, if it did
   */
  reject (error: ProxyError, req?: IncomingMessage): void {
    if (this.isDeaf) return
    this.#isBroken = this.#isClosing = true
    const last = this.#last
    if (last !== undefined && !last.req.complete) {
      last.error = error
      if (last === this.#current) this.#failCurrent(last, error)
    } else if (this.#current === undefined) {
      this.#replyRaw({ error, req })
    } else {
      this.#trailing = { error, req }
    }
  }

  /** Ends a request that is served here because the proxy stops; one that is relayed is the relay's. */
  stop (): void {
    if (this.#current !== undefined && this.exchange === undefined) this.#failCurrent(this.#current, new ProxyError('DRAINING'))
  }

  /** Cuts it if its client takes nothing of a response that is served here; what is relayed is watched by the relay. */
  checkWriteStall (nowMs: number, limitMs: number): void {
    if (this.#current === undefined || this.exchange !== undefined) this.#writeStall.reset()
    else if (this.#writeStall.isStalled(this.#socket, nowMs, limitMs)) resetConnection(this.#socket)
  }

  /** Ends it at once: what is in flight is cut, and is over. */
  destroy (): void {
    resetConnection(this.#socket)
    this.#forgetCurrent()
  }

  /** Ends it, after what has been written. */
  end (): void {
    this.#close.start()
  }

  abort (isFramed: boolean): void {
    if (!this.#isPipelined || !isFramed || this.#socket.writableEnded) {
      resetConnection(this.#socket)
      return
    }
    // A reset would take with it what the client has not yet read of the response before. Whatever lingers belongs to no request.
    this.#close.start()
    this.#forgetCurrent()
  }

  /** What is in flight is over, whenever its response closes. */
  #forgetCurrent (): void {
    if (this.#current === undefined) return
    this.#current.res.off('close', this.#onResponseClose)
    this.#onResponseClose()
  }

  /** The client has ended its side: it counts as gone, and an end must not make a whole response of half a one. */
  #onClientEnd (): void {
    if (this.#current?.res.headersSent === true && this.exchange?.isFramed === false) resetConnection(this.#socket)
  }

  get #isFull (): boolean {
    return this.#waiting.length >= MAX_WAITING || (this.#waiting.length > 0 && this.#socket.bytesRead - this.#waitingFromBytes > MAX_WAITING_BYTES)
  }

  #queue (request: ReadRequest): void {
    this.#isPipelined = true
    if (this.#waiting.length === 0) this.#waitingFromBytes = this.#socket.bytesRead
    this.#waiting.push(request)
  }

  #start (request: ReadRequest): void {
    const { error, req, res } = request
    this.#current = request
    res.once('close', this.#onResponseClose)
    if (this.#isClosing && request === this.#last) res.shouldKeepAlive = false
    if (error === undefined) this.#handler.onRequest(req, res, this)
    else sendLocalReply(req, res, error, this.#handler.onRejected(error, req))
  }

  readonly #onResponseClose = (): void => {
    const { exchange } = this
    if (this.#last === this.#current) this.#last = undefined
    this.exchange = this.#current = undefined
    this.#idleBytes = this.#socket.bytesRead
    exchange?.onClose()
    if (!this.#socket.writable) {
      this.#waiting.length = 0
      return
    }
    const next = this.#waiting.shift()
    if (next !== undefined) this.#start(next)
    else if (this.#trailing !== undefined) this.#replyRaw(this.#trailing)
  }

  #failCurrent ({ req, res }: ReadRequest, error: ProxyError): void {
    if (this.exchange !== undefined) this.exchange.fail(error)
    else if (!res.headersSent) sendLocalReply(req, res, error, this.#handler.onRejected(error, req))
    else if (!res.writableEnded) this.abort(true)
  }

  #replyRaw ({ error, req }: Rejection): void {
    this.#close.start(rawLocalReply(error, this.#handler.onRejected(error, req)))
  }
}

function asksForUpgrade ({ headers }: IncomingMessage): boolean {
  return headers.upgrade !== undefined && UPGRADE_OPTION.test(headers.connection ?? '')
}
