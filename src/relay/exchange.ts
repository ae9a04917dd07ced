/**
 * One request on its way: caller → AMSU → caller. The order of steps is the order of the methods.
 *
 * Nothing is sent again here: AMSU's calls are metered, and a request that may have arrived counts as one that did.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorTable, ProxyError, type ErrorCode } from '../errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import { Attempt, type AttemptOwner } from './attempt.ts'
import { corsHeaders } from './cors.ts'
import type { Watched } from './deadlines.ts'
import { headerValue, inboundHeaders, outboundHeaders } from './headers.ts'
import { cut, hasBody, lingerOnClose, refuse } from './refusal.ts'
import type { Caller, RelayContext } from './relay.ts'
import { upstreamErrorCode } from './upstream-errors.ts'

/** Status in the log of a request whose caller went away (nginx's number; it is never sent). */
const CLIENT_CLOSED_REQUEST = 499

/** A request that has passed every guard, and who sent it. */
export interface Call {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly requestId: string
}

/** Runs one exchange to its end; everything it decides it tells through the response and `context.onEnd`. */
export class Exchange implements Watched, AttemptOwner {
  readonly #context: RelayContext
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #requestId: string
  #caller: string | undefined
  readonly #startedMs: number
  #headers: string[] = []
  #wait: AbortController | undefined
  #attempt: Attempt | undefined
  #isOver = false
  #answeredMs: number | undefined
  #expectedBytes: number | undefined
  #bytesOut = 0
  #error: ProxyError | undefined

  constructor (context: RelayContext, { req, res, requestId }: Call) {
    this.#context = context
    this.#req = req
    this.#res = res
    this.#requestId = requestId
    this.#startedMs = context.clock.monotonic()
  }

  /** The connection of the caller. */
  get socket (): IncomingMessage['socket'] {
    return this.#req.socket
  }

  /** Takes the request through every step. Never throws; every refusal ends as an answer. */
  start (caller: Caller): void {
    this.#res.once('close', this.#onClose)
    if (caller instanceof Promise) caller.then(name => { this.#startAs(name) }, (error: unknown) => { this.fail(error) })
    else this.#startAs(caller)
  }

  #startAs (caller: string | undefined): void {
    const { deadlines, host, tokens } = this.#context
    this.#caller = caller
    if (this.#isOver) return
    try {
      this.#checkFraming()
      const { headers, isLoop } = outboundHeaders(this.#req.rawHeaders, host, this.#requestId)
      if (isLoop) throw new ProxyError('LOOP')
      this.#headers = headers
      deadlines.add(this)
      this.#sendWith(tokens.current())
    } catch (error) {
      this.fail(error)
    }
  }

  /** Ends the exchange with an error: as an answer while there is none yet, else by cutting the connection, never by a clean end. */
  fail (error: unknown): void {
    if (this.#isOver || this.#res.writableEnded) return
    this.#error = error instanceof ProxyError ? error : new ProxyError('INTERNAL', { cause: error })
    this.#leave()
    if (this.#res.headersSent) cut(this.#req.socket)
    else refuse(this.#req, this.#res, this.#error, this.#requestId)
  }

  checkDeadline (nowMs: number): void {
    const code = this.#attempt?.overdue(nowMs)
    if (code !== undefined) this.fail(new ProxyError(code))
  }

  #checkFraming (): void {
    const { 'content-length': length = '0', 'transfer-encoding': coding = 'chunked' } = this.#req.headers
    if (Number(length) > this.#context.maxBodyBytes) throw new ProxyError('BODY_TOO_LARGE')
    if (this.#req.httpVersionMajor !== 1) throw new ProxyError('BAD_REQUEST')
    // Any other coding would reach AMSU as if it were the plain bytes (RFC 9112 section 6.1).
    if (coding.toLowerCase() !== 'chunked') throw new ProxyError('BAD_REQUEST')
  }

  /** Sends with a token in hand, or waits for one. */
  #sendWith (token: AccessToken | undefined): void {
    if (token !== undefined) {
      this.#attempt = new Attempt(this.#context, this, this.#req, token)
      this.#attempt.send(this.#req.method as string, this.#req.url as string, this.#headers)
      return
    }
    this.#wait = new AbortController()
    this.#context.tokens.acquire(this.#wait.signal).then(
      token => { if (!this.#isOver) this.#sendWith(token) },
      (error: unknown) => { this.fail(error) }
    )
  }

  onTokenOutdated (): void {
    this.#sendWith(this.#context.tokens.current())
  }

  onSending (): void {
    if (this.#req.headers.expect !== undefined && this.#req.httpVersion === '1.1') this.#res.writeContinue()
  }

  onAnswer (status: number, raw: Buffer[], statusText: string): void {
    const { callerOrigin, clock, isDraining, isRevealing, onLeak, upstreamUrl } = this.#context
    this.#answeredMs = clock.monotonic()
    const { headers, leaks } = inboundHeaders(raw, { upstream: upstreamUrl, callerOrigin: () => callerOrigin(this.#req), isRevealing })
    if (leaks > 0) onLeak(leaks, this.#requestId)
    const isEarly = hasBody(this.#req) && !this.#req.complete
    if (isEarly) lingerOnClose(this.#req)
    headers.push('X-Request-Id', this.#requestId)
    if (isEarly || isDraining()) headers.push('Connection', 'close')
    headers.push(...corsHeaders(this.#res))
    this.#expectedBytes = Number(headerValue(headers, 'content-length'))
    this.#res.writeHead(status, statusText, headers)
    // These have no body whatever their Content-Length says (RFC 9110 section 6.4.1); undici takes the length for a fault.
    if (status === 204 || status === 304) this.#res.end()
  }

  onAnswerChunk (chunk: Buffer): boolean {
    this.#bytesOut += chunk.length
    // A whole answer in one chunk leaves together with its head.
    if (chunk.length === this.#expectedBytes) {
      this.#res.end(chunk)
      return true
    }
    if (this.#res.write(chunk)) return true
    this.#res.once('drain', this.#onDrain)
    return false
  }

  onAnswerEnd (): void {
    if (!this.#res.writableEnded) this.#res.end()
  }

  onTooLarge (): void {
    this.fail(new ProxyError('BODY_TOO_LARGE'))
  }

  onFailure (cause: Error, isSent: boolean): void {
    this.fail(new ProxyError(upstreamErrorCode(cause, { isSent }), { cause }))
  }

  /** Lets go of whatever is under way. */
  #leave (): void {
    this.#isOver = true
    this.#wait?.abort()
    this.#attempt?.leave()
  }

  readonly #onDrain = (): void => {
    this.#attempt?.resume()
  }

  /** The caller has its answer, or is gone. */
  readonly #onClose = (): void => {
    const { clock, deadlines, onEnd } = this.#context
    this.#leave()
    deadlines.remove(this)
    onEnd(this, {
      requestId: this.#requestId,
      caller: this.#caller,
      method: this.#req.method as string,
      path: (this.#req.url as string).split('?', 1)[0] as string,
      status: this.#statusToLog(),
      errorCode: this.#error?.code,
      cause: this.#error?.cause,
      bytesIn: this.#attempt?.bytesIn ?? 0,
      bytesOut: this.#bytesOut,
      durationMs: clock.monotonic() - this.#startedMs,
      upstreamMs: this.#answeredMs === undefined ? undefined : this.#answeredMs - this.#startedMs,
    })
  }

  #statusToLog (): number {
    const code: ErrorCode | undefined = this.#error?.code
    if (code !== undefined && !this.#res.headersSent) return errorTable[code].status
    return this.#res.writableFinished || code !== undefined ? this.#res.statusCode : CLIENT_CLOSED_REQUEST
  }
}
