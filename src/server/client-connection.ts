/**
 * One client connection (pipelining, parse errors, connection close). It alone decides on the order of requests, the response in
 * flight, invalid bytes and the end of the connection. Pipelined requests are handled one after the other (RFC 9112 section 9.3.2 allows
 * more for safe methods only), so that the failure of one never affects the one before it, and a request after a rejected one is never
 * executed.
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
import { dropHeaders, HeaderBudget, HeaderShare, ignoreTrailers } from './header-budget.ts'
import { WaitingRequests, type ReadRequest } from './waiting-requests.ts'

/** The `upgrade` option of `Connection` (RFC 9110 section 7.8). */
const UPGRADE_OPTION = /(?:^|,)[\t ]*upgrade[\t ]*(?:,|$)/i

/** Receives the requests of a connection. */
export interface ConnectionHandler {
  /** Handles a request, until its response ends. */
  onRequest: (req: IncomingMessage, res: ServerResponse, connection: ClientConnection) => void
  /** A request was rejected before any route, or the bytes are not a request. Returns the request id for the local reply. */
  onRejected: (error: ProxyError, req?: IncomingMessage) => string
  /** The header fields that all connections may hold. @default no limit */
  readonly headerBudget?: HeaderBudget
}

/** A local reply after the responses to the requests that were read. */
interface Rejection {
  readonly error: ProxyError
  readonly req: IncomingMessage | undefined
}

/** An accepted connection. */
export class ClientConnection implements ExchangeConnection, UnorderedSetItem {
  index = -1
  exchange: ConnectionExchange | undefined
  hasClientLeft = false
  readonly #socket: Socket
  readonly #handler: ConnectionHandler
  readonly #close: LingeringClose
  readonly #writeStall = new WriteStallDetector()
  /** What the current request and the waiting ones hold. */
  readonly #headers: HeaderShare
  readonly #waiting = new WaitingRequests()
  #current: ReadRequest | undefined
  /** The last request that was read, until its response is done. Its body may still be arriving. */
  #last: ReadRequest | undefined
  #isFirst = true
  /** No further request is accepted on this connection. */
  #isClosing = false
  #isBroken = false
  #isPipelined = false
  /** Bytes read on the socket when the connection was last idle. */
  #idleBytes: number
  /** The rejection to send after the requests that were read. */
  #trailing: Rejection | undefined

  constructor (socket: Socket, handler: ConnectionHandler) {
    this.#socket = socket
    this.#handler = handler
    this.#headers = new HeaderShare(handler.headerBudget ?? new HeaderBudget(Infinity))
    this.#close = new LingeringClose(socket)
    // Node removes its own listeners when it hands out a socket (CONNECT), and an `error` without a listener ends the process. A reset is
    // told by `error` at once, and by `close` only after a turn in which the remainder of a request could be sent.
    socket.on('error', () => { this.#onClientLeft() })
    // Before Node's own listener, which ends the socket: after that it cannot be reset any more.
    socket.prependListener('end', () => { this.#onClientEnd() })
    this.#idleBytes = socket.bytesRead
  }

  /** Whether a request is in flight. */
  get isBusy (): boolean {
    return this.#current !== undefined
  }

  /** Whether the connection is idle: no request is in flight, and no byte of another one has arrived. */
  get isIdle (): boolean {
    return this.#current === undefined && this.#socket.bytesRead === this.#idleBytes
  }

  /** Whether a local request waits for its client: for the remainder of its body, or for its response to be read. */
  get isWaitingForClient (): boolean {
    return this.#current !== undefined && this.exchange === undefined && (!this.#current.req.complete || this.#current.res.writableEnded)
  }

  /** Whether further bytes are ignored: the bytes so far were not valid HTTP, or the connection is closing. */
  get isDiscarding (): boolean {
    return this.#isBroken || this.#close.isStarted
  }

  /** Accepts a request that Node has parsed. */
  accept (req: IncomingMessage, res: ServerResponse): void {
    // Node parses what it has read even after the connection has ended: no response could be sent.
    if (this.#isClosing || !this.#socket.writable || this.#waiting.isFull(this.#socket)) {
      this.#discard(req)
      return
    }
    let error = requestError(req, this.#isFirst)
    if (error !== undefined) dropHeaders(req)
    if (!this.#headers.add(req)) {
      if (!this.#waiting.isEmpty) {
        this.#discard(req)
        return
      }
      error = new ProxyError('HEAD_TOO_LARGE')
      dropHeaders(req)
      this.#headers.add(req)
    }
    ignoreTrailers(req)
    const request = { req, res, error }
    this.#isFirst = false
    this.#last = request
    if (request.error !== undefined || requestsUpgrade(req)) this.#isClosing = true
    if (this.#current === undefined) this.#start(request)
    else this.#queue(request)
  }

  /**
   * The next bytes are not a valid request, or not the remainder of one. Requests before them get their responses first.
   *
   * @param req the request, if Node has parsed one
   */
  reject (error: ProxyError, req?: IncomingMessage): void {
    if (this.isDiscarding) return
    this.#isBroken = this.#isClosing = true
    if (req !== undefined) dropHeaders(req)
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

  /** Ends a local request at the end of a graceful shutdown. The relay ends relayed ones. */
  stop (): void {
    if (this.#current !== undefined && this.exchange === undefined) this.#failCurrent(this.#current, new ProxyError('DRAINING'))
  }

  /** Resets the connection if its client has read nothing of a local response for too long. The relay checks relayed responses. */
  checkWriteStall (nowMs: number, limitMs: number): void {
    if (this.#current === undefined || this.exchange !== undefined) this.#writeStall.reset()
    else if (this.#writeStall.isStalled(this.#socket, nowMs, limitMs)) resetConnection(this.#socket)
  }

  /** Resets the connection at once and ends the request in flight. */
  destroy (): void {
    resetConnection(this.#socket)
    this.#endCurrent()
  }

  /** Closes the connection after the data written so far. */
  end (): void {
    this.#close.start()
  }

  abort (isFramed: boolean): void {
    if (!this.#isPipelined || !isFramed || this.#socket.writableEnded) {
      resetConnection(this.#socket)
      return
    }
    // A reset would destroy what the client has not yet read of the previous response. The request ends now, the lingering close goes on.
    this.#close.start()
    this.#endCurrent()
  }

  /** Ends the request in flight without waiting for its response to close. */
  #endCurrent (): void {
    if (this.#current === undefined) return
    this.#current.res.off('close', this.#onResponseClose)
    this.#onResponseClose()
  }

  #onClientLeft (): void {
    this.hasClientLeft = true
    this.exchange?.onClientLeft()
  }

  /**
   * The client has closed its side, which counts as a disconnect. Node closes the connection some turns of the event loop later: until
   * then the remainder of a request could be sent. A normal close must not make a partial response look complete.
   */
  #onClientEnd (): void {
    this.#onClientLeft()
    if (this.#current?.res.headersSent === true && this.exchange?.isFramed === false) resetConnection(this.#socket)
  }

  /** Ends reading, in the middle of what has arrived. Node keeps the requests that it has parsed until the connection closes. */
  #discard (req: IncomingMessage): void {
    dropHeaders(req)
    this.#isClosing = true
    this.#close.discardParsed()
  }

  #queue (request: ReadRequest): void {
    this.#isPipelined = true
    this.#waiting.add(request, this.#socket)
  }

  #start (request: ReadRequest): void {
    const { error, req, res } = request
    this.#current = request
    res.on('close', this.#onResponseClose)
    if (this.#isClosing && request === this.#last) res.shouldKeepAlive = false
    if (error === undefined) this.#handler.onRequest(req, res, this)
    else sendLocalReply(req, res, error, this.#handler.onRejected(error, req))
  }

  readonly #onResponseClose = (): void => {
    const { exchange } = this
    if (this.#current !== undefined) this.#headers.remove(this.#current.req)
    if (this.#last === this.#current) this.#last = undefined
    this.exchange = this.#current = undefined
    this.#idleBytes = this.#socket.bytesRead
    exchange?.onClose()
    if (!this.#socket.writable) {
      this.#waiting.clear()
      this.#headers.clear()
      return
    }
    const next = this.#waiting.take()
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

function requestsUpgrade ({ headers }: IncomingMessage): boolean {
  return headers.upgrade !== undefined && UPGRADE_OPTION.test(headers.connection ?? '')
}
