/**
 * One proxied request, with its retry on a stale connection and its replay after a rejected token: client → AMSU → client. Its
 * methods are in the order in which they run.
 *
 * AMSU charges for calls, so a request that may have reached AMSU is treated as charged. It is retried in two cases only: AMSU rejected
 * the token, so it did not process the request; or a GET or HEAD without a body failed on a stale keep-alive connection.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { BufferedResponse, mayBeInvalidToken } from '../amsu/invalid-token.ts'
import { ProxyError } from '../errors.ts'
import { pathOf } from '../guards/target-guard.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { ResponseHead } from '../upstream/response-head.ts'
import { Attempt, type AttemptOwner } from './attempt.ts'
import { ClientResponse } from './client-response.ts'
import type { AcceptedRequest, ConnectionExchange, RelayContext, InFlightRequest } from './context.ts'
import { ExchangeTokens } from './exchange-tokens.ts'
import { checkFraming, hasBody, lengthOf } from './framing.ts'
import { upstreamRequestHeaders } from './headers.ts'
import { sendLocalReply } from './local-reply.ts'
import { RequestBody } from './request-body.ts'
import { isStaleConnection, SilenceError, upstreamErrorCode, type AttemptProgress } from './upstream-errors.ts'
import { WriteStallDetector } from './write-stall.ts'

/** Runs one exchange to its end. It reports its result by the response and by `context.onEnd`. */
export class Exchange implements InFlightRequest, AttemptOwner, ConnectionExchange {
  index = -1
  readonly #context: RelayContext
  readonly #call: AcceptedRequest
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #startedMs: number
  readonly #response: ClientResponse
  readonly #tokens: ExchangeTokens
  readonly #writeStall = new WriteStallDetector()
  #headers: string[] = []
  #body: RequestBody | undefined
  #attempt: Attempt | undefined
  /** A response that may say that the token is invalid, buffered until that is known. */
  #buffered: BufferedResponse | undefined
  #respondedMs: number | undefined
  /** Why there is no response to a request that AMSU may have received, if it is retried. */
  #lost: ProxyError | undefined
  #isDone = false
  #error: ProxyError | undefined

  constructor (context: RelayContext, call: AcceptedRequest) {
    this.#context = context
    this.#call = call
    this.#req = call.req
    this.#res = call.res
    this.#startedMs = context.clock.monotonic()
    this.#tokens = new ExchangeTokens(context)
    this.#response = new ClientResponse(context, call.req, call.res, call.requestId, () => { this.#attempt?.resume() })
  }

  get isFramed (): boolean {
    return this.#response.isFramed
  }

  /** Starts the exchange. Never throws: every rejection becomes a response. */
  start (): void {
    const { host, maxBodyBytes, replayBudget } = this.#context
    // The client disconnected while its caller was identified: the connection's end has passed.
    if (this.#req.socket.destroyed || this.#call.connection.hasClientLeft) return this.onClose()
    this.#call.connection.exchange = this
    try {
      checkFraming(this.#req, maxBodyBytes)
      const { headers, isLoop } = upstreamRequestHeaders(this.#req.rawHeaders, host, this.#call.requestId)
      if (isLoop) throw new ProxyError('LOOP')
      this.#headers = headers
      if (hasBody(this.#req)) this.#body = new RequestBody(this.#req, { lengthBytes: lengthOf(this.#req), limitBytes: maxBodyBytes, replayBudget, onProgress: () => { this.#attempt?.touch() }, onTooLarge: () => { this.fail(new ProxyError('BODY_TOO_LARGE')) } })
      this.#sendWith(this.#tokens.current())
    } catch (error) {
      this.fail(error)
    }
  }

  /** Fails the exchange: by a local reply if nothing was sent to the client, else by aborting the connection, so that a partial response never looks complete. */
  fail (error: unknown): void {
    if (this.#isDone || this.#res.writableEnded) return
    this.#error = error instanceof ProxyError ? error : new ProxyError('INTERNAL', { cause: error })
    this.#abort()
    // Node may not have passed a chunk that was written just now to the kernel yet: an immediate reset would discard it.
    if (this.#res.headersSent) setImmediate(() => { this.#call.connection.abort(this.isFramed) })
    else sendLocalReply(this.#req, this.#res, this.#error, this.#call.requestId)
  }

  /** Ends the exchange, because the grace period of the graceful shutdown is over: 504 if AMSU may have received the request, else 503. */
  stop (): void {
    const cause = new SilenceError('the grace period of the shutdown is over')
    if (this.#attempt?.isSent === true && !this.#attempt.isDone) this.fail(new ProxyError('UPSTREAM_TIMEOUT', { cause }))
    else this.#failUnsent(new ProxyError('DRAINING', { cause }))
  }

  checkTimeout (nowMs: number): void {
    const overdue = this.#attempt?.overdue(nowMs)
    if (overdue !== undefined) this.#onUpstreamFailure(new ProxyError(overdue.code, { cause: overdue.cause }))
    else if (this.#body?.isCollecting === true && this.#attempt?.isIdle(nowMs) === true) this.#finish(this.#tokens.original) // the remainder does not arrive
    // When the exchange is over and its response is not, only the client is waited for.
    if (!this.#isDone && !this.#res.writableEnded && this.#attempt?.isPaused !== true) this.#writeStall.reset()
    else if (this.#writeStall.isStalled(this.#req.socket, nowMs, this.#context.idleTimeoutMs)) this.#call.connection.abort(false)
  }

  /** Sends the request with this token, or waits for one. */
  #sendWith (token: AccessToken | undefined): void {
    if (token !== undefined) return this.#send(token)
    // Detects a disconnect during the wait: Node reports it only after the body has been read.
    this.#body?.readAhead()
    this.#tokens.acquire().then(
      token => { if (!this.#isDone) this.#send(token) },
      (error: unknown) => { if (!this.#isDone) this.#failUnsent(error) }
    )
  }

  #send (token: AccessToken): void {
    if (this.#res.writableEnded) return
    // All checks passed and a token is available: a client that expects 100-continue may send its body (RFC 9110 section 10.1.1).
    if (this.#attempt === undefined && this.#req.headers.expect !== undefined && this.#req.httpVersion === '1.1') this.#res.writeContinue()
    this.#attempt = new Attempt(this.#context, this, this.#body, token, this.#attempt?.queuedMs)
    this.#attempt.send({ method: this.#req.method as string, target: this.#req.url as string, headers: this.#headers })
  }

  onRequestStart (): void {
    this.#tokens.onRequestStart()
  }

  onTokenExpired (): void {
    this.#sendWith(this.#tokens.current())
  }

  onResponseStart (head: ResponseHead): void {
    this.#respondedMs = this.#context.clock.monotonic()
    this.#tokens.onResponseStart()
    if (!mayBeInvalidToken(head)) {
      this.#body?.release()
      return this.#response.writeHead(head)
    }
    this.#buffered = new BufferedResponse(head)
    // A 401 rejects the token by its status alone (RFC 9110 section 15.5.2), whatever becomes of its body or of the client.
    if (head.status === 401) this.#tokens.reject((this.#attempt as Attempt).token)
  }

  onResponseData (chunk: Buffer): boolean {
    const buffered = this.#buffered
    if (buffered === undefined) return this.#response.write(chunk)
    if (buffered.add(chunk)) return true
    // Too large to buffer: the response is forwarded as it arrives, without a replay. But after a first rejection, that one is passed on.
    if (buffered.head.status !== 401 || this.#tokens.original === undefined) return this.#forward(buffered)
    this.#finish(this.#tokens.original)
    return true
  }

  onResponseEnd (): void {
    const buffered = this.#buffered
    if (buffered?.isInvalidToken() !== true) return this.#finish(buffered)
    if (buffered.head.status !== 401) this.#tokens.reject((this.#attempt as Attempt).token)
    this.#replayOrPassOn(buffered)
  }

  /** AMSU rejected the token: replays once if the complete body is kept or still can be. */
  #replayOrPassOn (buffered: BufferedResponse): void {
    if (!this.#tokens.isReplaced || this.#tokens.original !== undefined || this.#body?.isKept === false) return this.#finish(this.#tokens.original ?? buffered)
    this.#tokens.replayAfter(buffered)
    this.#buffered = undefined
    if (this.#body === undefined) this.#sendWith(this.#tokens.current())
    else this.#body.collect(isComplete => { if (isComplete) this.#sendWith(this.#tokens.current()); else this.#finish(buffered) })
  }

  /** Ends the response; if `buffered` is given, with that response. */
  #finish (buffered?: BufferedResponse): void {
    if (this.#res.writableEnded) return
    this.#attempt?.abort()
    this.#body?.stop()
    try {
      if (buffered !== undefined) this.#forward(buffered)
      this.#response.end()
    } catch (error) {
      this.fail(error instanceof ProxyError ? error : new ProxyError('UPSTREAM_INVALID', { cause: error }))
    }
  }

  /** Writes the buffered part; from then on the response is forwarded as it arrives. Throws if it was cut short. */
  #forward (buffered: BufferedResponse): boolean {
    this.#buffered = undefined
    if (buffered.fault !== undefined) throw buffered.fault
    this.#body?.release()
    this.#response.writeHead(buffered.head)
    return buffered.chunks.map(chunk => this.#response.write(chunk)).at(-1) ?? true
  }

  onResponseError (cause: Error, progress: AttemptProgress): void {
    const fault = new ProxyError(upstreamErrorCode(cause, progress), { cause })
    const isSafe = (this.#req.method === 'GET' || this.#req.method === 'HEAD') && this.#body === undefined
    if (isSafe && this.#lost === undefined && isStaleConnection(cause, progress)) {
      this.#lost = fault
      this.#sendWith(this.#tokens.current())
    } else this.#onUpstreamFailure(fault)
  }

  /** Nothing of the last attempt was sent. An earlier one that AMSU may have received counts more, and then AMSU's first response. */
  #failUnsent (error: unknown): void {
    if (this.#lost === undefined && this.#tokens.original !== undefined) this.#finish(this.#tokens.original)
    else this.fail(this.#lost ?? error)
  }

  /** No complete response. A 401 needs none: AMSU did not process the request. */
  #onUpstreamFailure (fault: ProxyError): void {
    const buffered = this.#buffered
    if (buffered?.head.status === 401) {
      buffered.fault = fault
      this.#attempt?.abort()
      this.#replayOrPassOn(buffered)
    } else if (fault.code === 'UPSTREAM_UNREACHABLE') this.#failUnsent(fault)
    else this.fail(fault)
  }

  /** Aborts whatever is in flight. */
  #abort (): void {
    this.#isDone = true
    this.#tokens.stopWaiting()
    this.#attempt?.abort()
    this.#body?.close()
  }

  /** The client has disconnected: a request that AMSU has not received completely is not sent any further. */
  onClientLeft (): void {
    if (this.#attempt?.isSentWhole !== true || this.#attempt.isDone) this.#abort()
  }

  /** The client has its response, or disconnected. */
  onClose (): void {
    this.#abort()
    this.#context.onEnd(this, {
      requestId: this.#call.requestId,
      caller: this.#call.caller,
      method: this.#req.method as string,
      path: pathOf(this.#req.url as string),
      status: this.#response.statusToLog(this.#error),
      errorCode: this.#error?.code,
      cause: this.#error?.cause,
      bytesIn: this.#body?.bytes ?? 0,
      bytesOut: this.#response.bytes,
      durationMs: this.#context.clock.monotonic() - this.#startedMs,
      replay: this.#tokens.replay,
      upstreamMs: this.#respondedMs === undefined ? undefined : this.#respondedMs - this.#startedMs,
    })
  }
}
