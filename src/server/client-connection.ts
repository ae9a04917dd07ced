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
import { endWithLocalReply, lingeringClose, resetConnection, sendLocalReply } from '../relay/local-reply.ts'
import type { UnorderedSetItem } from '../relay/unordered-set.ts'
import { requestError } from './client-errors.ts'

/** Pipelined requests that may wait behind the one in flight; what a client sends beyond is ignored, and the last one ends the connection. */
const MAX_WAITING = 64

/** Requests that are read and ignored behind the last one; a client that sends more is not read any further. */
const MAX_IGNORED = 256

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
  readonly #waiting: ReadRequest[] = []
  #current: ReadRequest | undefined
  /** The request that was read last, until its response is done: what is not complete of it is read next. */
  #last: ReadRequest | undefined
  #isFirst = true
  /** Nothing that follows on this connection is a request. */
  #isClosing = false
  #isBroken = false
  #isPipelined = false
  #ignored = 0
  /** Bytes that had been read when it last waited for nothing. */
  #idleBytes: number
  /** What was wrong behind the requests that were read; told when they are done. */
  #trailing: Rejection | undefined

  constructor (socket: Socket, handler: ConnectionHandler) {
    this.#socket = socket
    this.#handler = handler
    // Node takes its own listeners away when it hands a socket out (CONNECT), and an error nobody hears ends the process.
    socket.on('error', () => {})
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

  /** Whether it has come to bytes that are no request. */
  get isBroken (): boolean {
    return this.#isBroken
  }

  /** Takes a request that was read from it. */
  accept (req: IncomingMessage, res: ServerResponse): void {
    // Node goes on parsing what it has read after the connection has ended: nobody could be told what becomes of it.
    if (this.#isClosing || !this.#socket.writable || this.#waiting.length >= MAX_WAITING) {
      this.#isClosing = true
      if (++this.#ignored === MAX_IGNORED) this.#stopReading()
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
    if (this.#isBroken) return
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

  /** Ends it, after what has been written. */
  end (): void {
    this.#socket.destroySoon()
  }

  abort (isFramed: boolean): void {
    // A reset would take with it what the client has not yet read of the response before.
    if (this.#isPipelined && isFramed) this.#socket.destroySoon()
    else resetConnection(this.#socket)
  }

  #queue (request: ReadRequest): void {
    if (!this.#isPipelined) lingeringClose(this.#socket)
    this.#isPipelined = true
    this.#waiting.push(request)
  }

  /** Reads no more, whoever asks for it: Node resumes a socket at the end of each message. */
  #stopReading (): void {
    this.#socket.pause()
    this.#socket.resume = () => this.#socket
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
    endWithLocalReply(this.#socket, error, this.#handler.onRejected(error, req))
  }
}

function asksForUpgrade ({ headers }: IncomingMessage): boolean {
  return headers.upgrade !== undefined && UPGRADE_OPTION.test(headers.connection ?? '')
}
