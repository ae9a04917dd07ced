/**
 * One attempt to send a request to AMSU: the upstream half of an exchange. Body chunks are handed over directly, without a stream in
 * between.
 */
import { ProxyError, type ErrorCode } from '../errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import { withAuthorization } from '../token/with-authorization.ts'
import type { PendingRequest, RequestHandler } from '../upstream/pending-request.ts'
import type { ResponseHead } from '../upstream/response-head.ts'
import type { AwaitingRequest } from './awaiting-body.ts'
import type { RelayContext } from './context.ts'
import type { RequestBody } from './request-body.ts'
import { SilenceError, type AttemptProgress } from './upstream-errors.ts'

/** The phase of an attempt. It decides which timeout applies, and whether the client or AMSU is silent. */
type Phase = 'reading' | 'connecting' | 'uploading' | 'waiting' | 'downloading' | 'done'

/** A timeout that has expired: the error code it becomes, and which side was silent. */
export interface Overdue {
  readonly code: ErrorCode
  /** For the log. */
  readonly cause: Error
}

/** The client's half of the exchange, as the attempt sees it. */
export interface AttemptOwner {
  /** The first bytes of the request are written directly after this. */
  onRequestStart: () => void
  /** AMSU's final response begins. Throws if it cannot be forwarded. */
  onResponseStart: (head: ResponseHead) => void
  /** A chunk of the response body. Returns false for backpressure: the client cannot take more yet. */
  onResponseData: (chunk: Buffer) => boolean
  onResponseEnd: () => void
  /** Nothing was sent: the token expired or was rejected while the request was queued. */
  onTokenExpired: () => void
  /** There is no response, or it is incomplete. */
  onResponseError: (cause: Error, progress: AttemptProgress) => void
  /** The request makes room for another one: nothing was sent. */
  fail: (error: ProxyError) => void
}

/** The request of an exchange, without its body. */
export interface RequestHead {
  readonly method: string
  readonly target: string
  /** Flat names and values, without `Authorization`. */
  readonly headers: readonly string[]
}

/** Sends the request once with one token. */
export class Attempt implements RequestHandler, AwaitingRequest {
  index = -1
  order = 0
  sinceMs = 0
  readonly #context: RelayContext
  readonly #owner: AttemptOwner
  readonly #body: RequestBody | undefined
  readonly #token: AccessToken
  #phase: Phase = 'reading'
  #pending: PendingRequest | undefined
  #isSent = false
  #isSentWhole = false
  #isReused = false
  #hasFirstByte = false
  #isPaused = false
  #activeMs: number
  #queuedMs: number

  /**
   * @param body of the exchange; undefined if it has none
   * @param queuedMs how long attempts before this one, of which nothing was sent, have waited for a connection
   */
  constructor (context: RelayContext, owner: AttemptOwner, body: RequestBody | undefined, token: AccessToken, queuedMs = 0) {
    this.#context = context
    this.#owner = owner
    this.#body = body
    this.#token = token
    this.#activeMs = context.timeouts.nowMs
    this.#queuedMs = queuedMs
  }

  /** The token this is sent with. */
  get token (): AccessToken {
    return this.#token
  }

  /** How long it has waited for a connection, in all, if nothing was sent; else 0. Tokens that expire in the queue must not hold it forever. */
  get queuedMs (): number {
    return this.#queuedMs
  }

  /** Whether bytes of the request were written to AMSU. */
  get isSent (): boolean {
    return this.#isSent
  }

  /** Whether the complete request was written. */
  get isSentWhole (): boolean {
    return this.#isSentWhole
  }

  /** Whether the attempt is over: the owner gets no further call. */
  get isDone (): boolean {
    return this.#phase === 'done'
  }

  /** Hands the request to the pool as soon as there is something to write: a slow client must not occupy a connection. */
  send (head: RequestHead): void {
    if (this.#body === undefined) return this.#dispatch(head)
    this.#context.awaitingBody.add(this)
    this.#body.whenReady(() => { this.#dispatch(head) })
  }

  evict (): void {
    this.#owner.fail(new ProxyError('OVERLOADED'))
  }

  #dispatch ({ headers, method, target }: RequestHead): void {
    if (this.#phase === 'done') return
    this.#endWait()
    this.#phase = 'connecting'
    this.#pending = this.#context.transport.send({ method, target, headers: withAuthorization(headers, this.#token), body: this.#body?.forAttempt(), queuedMs: this.#queuedMs }, this)
  }

  /** Aborts the request to AMSU, if one is in flight. */
  abort (): void {
    this.#phase = 'done'
    this.#endWait()
    this.#pending?.abort()
  }

  #endWait (): void {
    if (this.index !== -1) this.#context.awaitingBody.remove(this)
  }

  /** Whether backpressure from the client has paused the response. */
  get isPaused (): boolean {
    return this.#isPaused
  }

  /** The client can take more of the response. */
  resume (): void {
    this.#isPaused = false
    this.touch()
    this.#pending?.resume()
  }

  /** Restarts the idle timeout: one side has sent or taken something. */
  touch (): void {
    this.#activeMs = this.#context.timeouts.nowMs
  }

  /** Whether the idle timeout has expired: neither side has sent or taken anything for that long. */
  isIdle (nowMs: number): boolean {
    return nowMs - this.#activeMs > this.#context.idleTimeoutMs
  }

  /** The timeout that has expired at `nowMs`, if any. A client that does not read its response is not counted as silent here. */
  overdue (nowMs: number): Overdue | undefined {
    const silentMs = nowMs - this.#activeMs
    const { idleTimeoutMs, responseTimeoutMs } = this.#context
    switch (this.#phase) {
      case 'reading':
        return silentMs > idleTimeoutMs ? { code: 'REQUEST_TIMEOUT', cause: CLIENT_IS_SILENT } : undefined
      case 'uploading':
        // AMSU has received part of the request. A 408 would tell the client that a retry is safe, so this is not one.
        return silentMs > idleTimeoutMs ? { code: 'UPSTREAM_TIMEOUT', cause: this.#body?.isPaused === true ? AMSU_DOES_NOT_READ : CLIENT_IS_SILENT } : undefined
      case 'waiting':
        return silentMs > responseTimeoutMs ? { code: 'UPSTREAM_TIMEOUT', cause: AMSU_IS_SILENT } : undefined
      case 'downloading':
        return silentMs > idleTimeoutMs && !this.#isPaused ? { code: 'UPSTREAM_TIMEOUT', cause: AMSU_IS_SILENT } : undefined
      case 'connecting': // limited by the pool
      case 'done':
        return undefined
    }
  }

  /** Checks the token one last time: the first bytes are written directly after this. */
  onConnected (isReused: boolean): boolean {
    if (!this.#context.tokens.isUsable(this.#token)) {
      this.#phase = 'done'
      this.#queuedMs = this.#context.clock.monotonic() - (this.#pending as PendingRequest).queuedAtMs
      this.#owner.onTokenExpired()
      return false
    }
    this.#isSent = true
    this.#queuedMs = 0
    this.#isReused = isReused
    this.#phase = this.#body === undefined ? 'waiting' : 'uploading'
    this.touch()
    this.#owner.onRequestStart()
    return true
  }

  onRequestSent (): void {
    this.#isSentWhole = true
    if (this.#phase !== 'uploading') return
    this.#phase = 'waiting'
    this.touch()
  }

  onFirstByte (): void {
    this.#hasFirstByte = true
  }

  onResponseStart (head: ResponseHead): void {
    if (this.#phase === 'done') return
    this.#phase = 'downloading'
    this.touch()
    this.#owner.onResponseStart(head)
  }

  onResponseData (chunk: Buffer): boolean {
    if (this.#phase !== 'downloading') return true
    this.touch()
    this.#isPaused = !this.#owner.onResponseData(chunk)
    return !this.#isPaused
  }

  onResponseEnd (): void {
    if (this.#phase === 'done') return
    this.#phase = 'done'
    this.#owner.onResponseEnd()
  }

  onResponseError (cause: Error): void {
    if (this.#phase === 'done') return
    this.#phase = 'done'
    this.#owner.onResponseError(cause, { isSent: this.#isSent, isReused: this.#isReused, hasFirstByte: this.#hasFirstByte })
  }
}

/** Which side was silent, for the log. */
const CLIENT_IS_SILENT = new SilenceError('the client stopped sending its body')
const AMSU_DOES_NOT_READ = new SilenceError('AMSU stopped reading the body')
const AMSU_IS_SILENT = new SilenceError('AMSU stopped sending')
