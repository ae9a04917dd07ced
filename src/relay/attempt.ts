/**
 * One attempt to have AMSU respond to a request: the upstream half of an exchange. A chunk crosses without a stream in between.
 */
import type { ErrorCode } from '../errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import { withAuthorization } from '../token/with-authorization.ts'
import type { PendingRequest, RequestHandler } from '../upstream/pending-request.ts'
import type { ResponseHead } from '../upstream/response-head.ts'
import type { RelayContext } from './context.ts'
import type { RequestBody } from './request-body.ts'
import { SilenceError, type AttemptProgress } from './upstream-errors.ts'

/** Where an attempt stands, and so whose silence a timeout would punish. */
type Phase = 'reading' | 'connecting' | 'uploading' | 'waiting' | 'downloading' | 'done'

/** A silence that has lasted too long, by the error it becomes, and whose it is. */
export interface Overdue {
  readonly code: ErrorCode
  /** For the log. */
  readonly cause: Error
}

/** The client's half of the exchange, as the attempt sees it. */
export interface AttemptOwner {
  /** AMSU's final response begins; throws if it cannot be passed on. */
  onResponseStart: (head: ResponseHead) => void
  /** A piece of the response's body; false when the client can take no more for now. */
  onResponseData: (chunk: Buffer) => boolean
  onResponseEnd: () => void
  /** Nothing was sent, because the token expired or was refused while the request queued. */
  onTokenExpired: () => void
  /** No response, or no whole one. */
  onResponseError: (cause: Error, progress: AttemptProgress) => void
}

/** The request of an exchange, without its body. */
export interface RequestHead {
  readonly method: string
  readonly target: string
  /** Flat names and values, without `Authorization`. */
  readonly headers: readonly string[]
}

/** Sends the request once with one token. */
export class Attempt implements RequestHandler {
  readonly #context: RelayContext
  readonly #owner: AttemptOwner
  readonly #body: RequestBody | undefined
  readonly #token: AccessToken
  #phase: Phase = 'reading'
  #pending: PendingRequest | undefined
  #isSent = false
  #isReused = false
  #hasFirstByte = false
  #isPaused = false
  #activeMs: number

  /** @param body of the exchange; undefined if it has none */
  constructor (context: RelayContext, owner: AttemptOwner, body: RequestBody | undefined, token: AccessToken) {
    this.#context = context
    this.#owner = owner
    this.#body = body
    this.#token = token
    this.#activeMs = context.timeouts.nowMs
  }

  /** The token this is sent with. */
  get token (): AccessToken {
    return this.#token
  }

  /** Whether bytes of the request were written to AMSU. */
  get isSent (): boolean {
    return this.#isSent
  }

  /** Whether nothing more will come of it. */
  get isDone (): boolean {
    return this.#phase === 'done'
  }

  /** Hands the request to the pool, as soon as there is something to write: a connection must not wait for a slow client. */
  send (head: RequestHead): void {
    if (this.#body === undefined) this.#dispatch(head)
    else this.#body.whenReady(() => { this.#dispatch(head) })
  }

  #dispatch ({ headers, method, target }: RequestHead): void {
    if (this.#phase === 'done') return
    this.#phase = 'connecting'
    this.#pending = this.#context.transport.send({ method, target, headers: withAuthorization(headers, this.#token), body: this.#body?.forAttempt() }, this)
  }

  /** Lets go of AMSU, whatever is in flight there. */
  abort (): void {
    this.#phase = 'done'
    this.#pending?.abort()
  }

  /** Whether the client, not AMSU, is what the response waits for. */
  get isPaused (): boolean {
    return this.#isPaused
  }

  /** The client can take more of the response. */
  resume (): void {
    this.#isPaused = false
    this.touch()
    this.#pending?.resume()
  }

  /** One of the two sides has moved. */
  touch (): void {
    this.#activeMs = this.#context.timeouts.nowMs
  }

  /** Whether neither side has moved for longer than silence in the middle of a body may last. */
  isIdle (nowMs: number): boolean {
    return nowMs - this.#activeMs > this.#context.idleTimeoutMs
  }

  /** The silence that has lasted too long at `nowMs`, or undefined while none has. A client that does not read is not silent. */
  overdue (nowMs: number): Overdue | undefined {
    const silentMs = nowMs - this.#activeMs
    const { idleTimeoutMs, responseTimeoutMs } = this.#context
    switch (this.#phase) {
      case 'reading':
        return silentMs > idleTimeoutMs ? { code: 'REQUEST_TIMEOUT', cause: CLIENT_IS_SILENT } : undefined
      case 'uploading':
        // AMSU has seen a part of the request: this is no 408, which would call a repetition safe.
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

  /** The last moment to look at the token; the first bytes are written right behind it. */
  onConnected (isReused: boolean): boolean {
    if (!this.#context.tokens.isUsable(this.#token)) {
      this.#phase = 'done'
      this.#owner.onTokenExpired()
      return false
    }
    this.#isSent = true
    this.#isReused = isReused
    this.#phase = this.#body === undefined ? 'waiting' : 'uploading'
    this.touch()
    return true
  }

  onRequestSent (): void {
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

/** Whose silence a timeout ended, for the log. */
const CLIENT_IS_SILENT = new SilenceError('the client has stopped sending its body')
const AMSU_DOES_NOT_READ = new SilenceError('AMSU has stopped reading the body')
const AMSU_IS_SILENT = new SilenceError('AMSU has stopped sending')
