/**
 * One request on its way: client → AMSU → client. The order of steps is the order of the methods.
 *
 * AMSU's calls are metered, and a request that may have arrived counts as one that did. It is sent again in two cases only: AMSU
 * has said that the token is bad, so it has not processed it; or it is a GET or HEAD that met a stale connection.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { BufferedResponse, mayBeInvalidToken, type Replay } from '../amsu/invalid-token.ts'
import { ProxyError } from '../errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { ResponseHead } from '../upstream/response-head.ts'
import { Attempt, type AttemptOwner } from './attempt.ts'
import { ClientResponse } from './client-response.ts'
import type { AcceptedRequest, CallerIdentity, ConnectionExchange, ExchangeConnection, RelayContext, InFlightRequest } from './context.ts'
import { checkFraming, hasBody } from './framing.ts'
import { upstreamRequestHeaders } from './headers.ts'
import { sendLocalReply } from './local-reply.ts'
import { RequestBody } from './request-body.ts'
import { isStaleConnection, SilenceError, upstreamErrorCode, type AttemptProgress } from './upstream-errors.ts'
import { WriteStallDetector } from './write-stall.ts'

/** Runs one exchange to its end; everything it decides it tells through the response and `context.onEnd`. */
export class Exchange implements InFlightRequest, AttemptOwner, ConnectionExchange {
  index = -1
  readonly #context: RelayContext
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #requestId: string
  readonly #connection: ExchangeConnection
  readonly #startedMs: number
  readonly #response: ClientResponse
  readonly #writeStall = new WriteStallDetector()
  #caller: string | undefined
  #headers: string[] = []
  #body: RequestBody | undefined
  #wait: AbortController | undefined
  #attempt: Attempt | undefined
  /** A response that may say that the token is bad, until it is known. */
  #buffered: BufferedResponse | undefined
  /** AMSU's first response, once the request is to be sent a second time because of it. */
  #original: BufferedResponse | undefined
  #replay: Replay | undefined
  #respondedMs: number | undefined
  #isRetried = false
  #isDone = false
  #error: ProxyError | undefined

  constructor (context: RelayContext, { connection, req, res, requestId }: AcceptedRequest) {
    this.#context = context
    this.#connection = connection
    this.#req = req
    this.#res = res
    this.#requestId = requestId
    this.#startedMs = context.clock.monotonic()
    this.#response = new ClientResponse(context, req, res, requestId, () => { this.#attempt?.resume() })
  }

  /** Takes the request through every step. Never throws; every refusal ends as a response. */
  start (caller: CallerIdentity): void {
    this.#connection.exchange = this
    if (caller instanceof Promise) caller.then(name => { this.#startAs(name) }, (error: unknown) => { this.fail(error) })
    else this.#startAs(caller)
  }

  #startAs (caller: string | undefined): void {
    const { host, maxBodyBytes, replayBudget, tokens } = this.#context
    this.#caller = caller
    if (this.#isDone) return
    try {
      checkFraming(this.#req, maxBodyBytes)
      const { headers, isLoop } = upstreamRequestHeaders(this.#req.rawHeaders, host, this.#requestId)
      if (isLoop) throw new ProxyError('LOOP')
      this.#headers = headers
      if (hasBody(this.#req)) this.#body = new RequestBody(this.#req, { limitBytes: maxBodyBytes, replayBudget, onProgress: () => { this.#attempt?.touch() }, onTooLarge: () => { this.fail(new ProxyError('BODY_TOO_LARGE')) } })
      this.#sendWith(tokens.current())
    } catch (error) {
      this.fail(error)
    }
  }

  /** Ends the exchange with an error: as a local reply as long as nothing has gone to the client, else by a cut, never by a clean end. */
  fail (error: unknown): void {
    if (this.#isDone || this.#res.writableEnded) return
    this.#error = error instanceof ProxyError ? error : new ProxyError('INTERNAL', { cause: error })
    // A refusal that breaks off is still one: its token must not be sent again.
    if (this.#buffered?.head.status === 401) this.#context.tokens.invalidate((this.#attempt as Attempt).token)
    this.#abort()
    // Only what has been handed to the kernel has gone: a cut at once would be silence if the first piece was written just now.
    if (this.#res.headersSent) setImmediate(() => { this.#connection.abort(this.#response.isFramed) })
    else sendLocalReply(this.#req, this.#res, this.#error, this.#requestId)
  }

  /** Ends the exchange because the grace time of a shutdown is over. */
  stop (): void {
    const isSent = this.#attempt?.isSent === true
    // AMSU has refused the first attempt, and nothing of a second one was sent: what it said is the outcome.
    if (this.#original !== undefined && (!isSent || this.#attempt?.isDone === true)) this.#finish(this.#original)
    else this.fail(new ProxyError(isSent ? 'UPSTREAM_TIMEOUT' : 'DRAINING', { cause: new SilenceError('the grace time of the shutdown is over') }))
  }

  checkTimeout (nowMs: number): void {
    const overdue = this.#attempt?.overdue(nowMs)
    if (overdue !== undefined) this.fail(new ProxyError(overdue.code, { cause: overdue.cause }))
    else if (this.#body?.isCollecting === true && this.#attempt?.isIdle(nowMs) === true) this.#finish(this.#original)
    if (!this.#res.writableEnded && this.#attempt?.isPaused !== true) this.#writeStall.reset()
    else if (this.#writeStall.isStalled(this.#req.socket, nowMs, this.#context.idleTimeoutMs)) this.#connection.abort(this.#response.isFramed)
  }

  /** Sends with a token in hand, or waits for one. */
  #sendWith (token: AccessToken | undefined): void {
    if (token !== undefined) {
      this.#send(token)
      return
    }
    this.#wait = new AbortController()
    this.#context.tokens.acquire(this.#wait.signal).then(
      token => { if (!this.#isDone) this.#send(token) },
      (error: unknown) => {
        if (this.#original === undefined) this.fail(error)
        else if (!this.#isDone) this.#finish(this.#original)
      }
    )
  }

  #send (token: AccessToken): void {
    if (this.#res.writableEnded) return
    // Every check is passed and a token is there: a client that has asked may send its body (RFC 9110 section 10.1.1).
    if (this.#attempt === undefined && this.#req.headers.expect !== undefined && this.#req.httpVersion === '1.1') this.#res.writeContinue()
    this.#attempt = new Attempt(this.#context, this, this.#body, token)
    this.#attempt.send({ method: this.#req.method as string, target: this.#req.url as string, headers: this.#headers })
  }

  onTokenExpired (): void {
    this.#sendWith(this.#context.tokens.current())
  }

  onResponseStart (head: ResponseHead): void {
    this.#respondedMs = this.#context.clock.monotonic()
    if (this.#original !== undefined) this.#replay = 'responded'
    if (mayBeInvalidToken(head)) {
      this.#buffered = new BufferedResponse(head)
      return
    }
    this.#body?.release()
    this.#response.writeHead(head)
  }

  onResponseData (chunk: Buffer): boolean {
    const buffered = this.#buffered
    if (buffered === undefined) return this.#response.write(chunk)
    if (buffered.add(chunk)) return true
    // Too long to be held: it is passed on as it comes, and only the next request finds another token.
    if (buffered.head.status !== 401) return this.#passOn(buffered)
    this.#context.tokens.invalidate((this.#attempt as Attempt).token)
    if (this.#original === undefined) return this.#passOn(buffered)
    this.#replay = 'rejected_again'
    this.#finish(this.#original)
    return true
  }

  onResponseEnd (): void {
    const buffered = this.#buffered
    if (buffered?.isInvalidToken() === true) this.#retryOrPassOn(buffered)
    else this.#finish(buffered)
  }

  /** AMSU says that the token is bad: has it renewed for everybody who saw it fail, and retries once if the body is or will be kept whole. */
  #retryOrPassOn (buffered: BufferedResponse): void {
    const isRenewed = this.#context.tokens.invalidate((this.#attempt as Attempt).token)
    if (this.#original !== undefined) this.#replay = 'rejected_again'
    if (!isRenewed || this.#original !== undefined || this.#body?.isKept === false) {
      this.#finish(this.#original ?? buffered)
      return
    }
    this.#original = buffered
    this.#replay = 'failed'
    this.#buffered = undefined
    if (this.#body === undefined) this.#sendWith(this.#context.tokens.current())
    else this.#body.collect(isComplete => { this.#onCollected(buffered, isComplete) })
  }

  #onCollected (buffered: BufferedResponse, isComplete: boolean): void {
    if (isComplete) {
      this.#sendWith(this.#context.tokens.current())
      return
    }
    this.#replay = undefined // the body has turned out too large to be sent again
    this.#finish(buffered)
  }

  /** Ends the response, with what was held if it is that. */
  #finish (buffered?: BufferedResponse): void {
    if (this.#res.writableEnded) return
    this.#wait?.abort()
    this.#attempt?.abort()
    this.#body?.stop()
    try {
      if (buffered !== undefined) this.#passOn(buffered)
      this.#response.end()
    } catch (error) {
      this.fail(new ProxyError('UPSTREAM_INVALID', { cause: error }))
    }
  }

  /** Writes what was held; from then on the response is passed on as it comes. */
  #passOn (buffered: BufferedResponse): boolean {
    this.#buffered = undefined
    this.#body?.release()
    this.#response.writeHead(buffered.head)
    return buffered.chunks.map(chunk => this.#response.write(chunk)).at(-1) ?? true
  }

  onResponseError (cause: Error, progress: AttemptProgress): void {
    const { method } = this.#req
    if ((method === 'GET' || method === 'HEAD') && this.#body === undefined && !this.#isRetried && isStaleConnection(cause, progress)) {
      this.#isRetried = true
      this.#sendWith(this.#context.tokens.current())
      return
    }
    this.fail(new ProxyError(upstreamErrorCode(cause, progress), { cause }))
  }

  /** Lets go of whatever is in flight. */
  #abort (): void {
    this.#isDone = true
    this.#wait?.abort()
    this.#attempt?.abort()
    this.#body?.close()
  }

  /** The client has its response, or is gone. */
  onClose (): void {
    const { clock, onEnd } = this.#context
    this.#abort()
    onEnd(this, {
      requestId: this.#requestId,
      caller: this.#caller,
      method: this.#req.method as string,
      path: (this.#req.url as string).split('?', 1)[0] as string,
      status: this.#response.statusToLog(this.#error),
      errorCode: this.#error?.code,
      cause: this.#error?.cause,
      bytesIn: this.#body?.bytes ?? 0,
      bytesOut: this.#response.bytes,
      durationMs: clock.monotonic() - this.#startedMs,
      replay: this.#replay,
      upstreamMs: this.#respondedMs === undefined ? undefined : this.#respondedMs - this.#startedMs,
    })
  }
}
