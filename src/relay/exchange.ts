/**
 * One request on its way: caller → AMSU → caller. The order of steps is the order of the methods.
 *
 * AMSU's calls are metered, and a request that may have arrived counts as one that did. It is sent again in two cases only: AMSU
 * has answered that the token is bad, so it has not processed it; or it is a GET or HEAD and its connection was found dead.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorTable, ProxyError, type ErrorCode } from '../errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import { Answer } from './answer.ts'
import { Attempt, type AttemptOwner } from './attempt.ts'
import { HeldAnswer, mayBlameToken, type ReceivedHead, type Replay } from './bad-token.ts'
import { CLIENT_CLOSED_REQUEST, type Call, type Caller, type RelayContext, type UnderWay } from './context.ts'
import { checkFraming, hasBody } from './framing.ts'
import { outboundHeaders } from './headers.ts'
import { cut, refuse } from './refusal.ts'
import type { ReplayBuffer } from './replay-buffer.ts'
import { UnreadWatch } from './unread.ts'
import { foundConnectionDead, upstreamErrorCode, type AttemptProgress } from './upstream-errors.ts'

/** Runs one exchange to its end; everything it decides it tells through the response and `context.onEnd`. */
export class Exchange implements UnderWay, AttemptOwner {
  place = -1
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
  readonly #answer: Answer
  /** An answer that may say that the token is bad, until it is known. */
  #held: HeldAnswer | undefined
  /** AMSU's first answer, once the request has been sent a second time because of it. */
  #original: HeldAnswer | undefined
  #replay: Replay | undefined
  readonly #unread = new UnreadWatch()
  #isSending = false
  #isResent = false
  #bytesIn = 0
  #error: ProxyError | undefined

  constructor (context: RelayContext, { req, res, requestId }: Call) {
    this.#context = context
    this.#req = req
    this.#res = res
    this.#requestId = requestId
    this.#startedMs = context.clock.monotonic()
    this.#answer = new Answer(context, req, res, requestId, () => { this.#attempt?.resume() })
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
    const { host, tokens } = this.#context
    this.#caller = caller
    if (this.#isOver) return
    try {
      checkFraming(this.#req, this.#context.maxBodyBytes)
      const { headers, isLoop } = outboundHeaders(this.#req.rawHeaders, host, this.#requestId)
      if (isLoop) throw new ProxyError('LOOP')
      this.#headers = headers
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
    if (!this.#res.writableEnded && this.#attempt?.isHeldUp !== true) this.#unread.forget()
    else if (this.#unread.isStuck(this.#req.socket, nowMs, this.#context.idleTimeoutMs)) cut(this.#req.socket)
  }

  /** Sends with a token in hand, or waits for one. */
  #sendWith (token: AccessToken | undefined): void {
    if (token !== undefined) {
      this.#send(token)
      return
    }
    this.#context.tokens.acquire(this.#startWaiting()).then(
      token => { if (!this.#isOver) this.#send(token) },
      (error: unknown) => { this.fail(error) }
    )
  }

  #send (token: AccessToken, replayed?: ReplayBuffer): void {
    this.#bytesIn = Math.max(this.#bytesIn, this.#attempt?.bytesIn ?? 0)
    this.#attempt = new Attempt(this.#context, this, this.#req, token, replayed)
    this.#attempt.send(this.#req.method as string, this.#req.url as string, this.#headers)
  }

  #startWaiting (): AbortSignal {
    return (this.#wait = new AbortController()).signal
  }

  onTokenOutdated (): void {
    this.#sendWith(this.#context.tokens.current())
  }

  onSending (): void {
    if (this.#isSending) return
    this.#isSending = true
    if (this.#req.headers.expect !== undefined && this.#req.httpVersion === '1.1') this.#res.writeContinue()
  }

  onAnswer (head: ReceivedHead): void {
    this.#answeredMs = this.#context.clock.monotonic()
    if (this.#original !== undefined) this.#replay = 'answered'
    if (mayBlameToken(head)) this.#held = new HeldAnswer(head)
    else this.#answer.begin(head)
  }

  onAnswerChunk (chunk: Buffer): boolean {
    const held = this.#held
    if (held === undefined) return this.#answer.write(chunk)
    if (held.add(chunk)) return true
    // Too long to be held: it is passed on as it comes, and only the next request finds another token.
    if (held.head.status === 401) this.#context.tokens.reject(this.#tokenSent())
    return this.#passOn(held)
  }

  onAnswerEnd (): void {
    const held = this.#held
    if (held === undefined) this.#answer.end()
    else if (held.blamesToken()) this.#replayOrPassOn(held)
    else this.#finishWith(held)
  }

  /** AMSU says that the token is bad: renews it for everybody who saw it fail, and sends this request once more if that is possible. */
  #replayOrPassOn (held: HeldAnswer): void {
    const { tokens } = this.#context
    const body = this.#attempt?.replayableBody()
    const isRenewed = tokens.reject(this.#tokenSent())
    if (this.#original !== undefined) this.#replay = 'rejected_again'
    if (!isRenewed || body === undefined || this.#original !== undefined) {
      this.#finishWith(this.#original ?? held)
      return
    }
    this.#original = held
    this.#replay = 'failed'
    this.#held = undefined
    tokens.acquire(this.#startWaiting()).then(
      token => { if (!this.#isOver) this.#send(token, body) },
      () => { if (!this.#isOver) this.#finishWith(held) }
    )
  }

  #tokenSent (): AccessToken {
    return (this.#attempt as Attempt).token
  }

  #finishWith (held: HeldAnswer): void {
    try {
      this.#passOn(held)
      this.#answer.end()
    } catch (error) {
      this.fail(new ProxyError('UPSTREAM_INVALID', { cause: error }))
    }
  }

  /** Writes what was held; from then on the answer is passed on as it comes. */
  #passOn (held: HeldAnswer): boolean {
    this.#held = undefined
    this.#answer.begin(held.head)
    return held.chunks.map(chunk => this.#answer.write(chunk)).at(-1) ?? true
  }

  onTooLarge (): void {
    this.fail(new ProxyError('BODY_TOO_LARGE'))
  }

  onFailure (cause: Error, progress: AttemptProgress): void {
    const { method } = this.#req
    if ((method === 'GET' || method === 'HEAD') && !hasBody(this.#req) && !this.#isResent && foundConnectionDead(cause, progress)) {
      this.#isResent = true
      this.#sendWith(this.#context.tokens.current())
      return
    }
    this.fail(new ProxyError(upstreamErrorCode(cause, progress), { cause }))
  }

  /** Lets go of whatever is under way. */
  #leave (): void {
    this.#isOver = true
    this.#wait?.abort()
    this.#attempt?.leave()
  }

  /** The caller has its answer, or is gone. */
  readonly #onClose = (): void => {
    const { clock, onEnd } = this.#context
    this.#leave()
    onEnd(this, {
      requestId: this.#requestId,
      caller: this.#caller,
      method: this.#req.method as string,
      path: (this.#req.url as string).split('?', 1)[0] as string,
      status: this.#statusToLog(),
      errorCode: this.#error?.code,
      cause: this.#error?.cause,
      bytesIn: Math.max(this.#bytesIn, this.#attempt?.bytesIn ?? 0),
      bytesOut: this.#answer.bytes,
      durationMs: clock.monotonic() - this.#startedMs,
      replay: this.#replay,
      upstreamMs: this.#answeredMs === undefined ? undefined : this.#answeredMs - this.#startedMs,
    })
  }

  #statusToLog (): number {
    const code: ErrorCode | undefined = this.#error?.code
    if (code !== undefined && !this.#res.headersSent) return errorTable[code].status
    return this.#res.writableFinished || code !== undefined ? this.#res.statusCode : CLIENT_CLOSED_REQUEST
  }
}
