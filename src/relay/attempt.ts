/**
 * One attempt to have AMSU answer a request: the upstream half of an exchange. It is undici's handler, so that a chunk crosses
 * without a stream in between. undici calls the `on…` methods, in the order in which they stand here.
 */
import type { IncomingMessage } from 'node:http'
import type { Dispatcher } from 'undici'
import type { ErrorCode } from '../errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import { hasBody } from './refusal.ts'
import type { RelayContext } from './relay.ts'
import { Upload } from './upload.ts'

/** Where an attempt stands, and so whose silence a time-out would punish. */
type Phase = 'connecting' | 'uploading' | 'waiting' | 'downloading' | 'over'

/** The caller's half of the exchange, as the attempt sees it. */
export interface AttemptOwner {
  /** The request is about to be written to a connection. */
  onSending: () => void
  /** AMSU's final answer begins; throws if it can not be passed on. */
  onAnswer: (status: number, raw: Buffer[], statusText: string) => void
  /** A piece of the answer's body; false when the caller can take no more for now. */
  onAnswerChunk: (chunk: Buffer) => boolean
  onAnswerEnd: () => void
  /** The caller's body crossed the limit. */
  onTooLarge: () => void
  /** Nothing was sent, because the token ran out while the request queued. */
  onTokenOutdated: () => void
  /** No answer, or no whole one. `isSent`: bytes of the request may have left. */
  onFailure: (cause: Error, isSent: boolean) => void
}

/** Sends the request once with one token. */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly #context: RelayContext
  readonly #owner: AttemptOwner
  readonly #token: AccessToken
  readonly #upload: Upload | undefined
  #phase: Phase = 'connecting'
  #isSent = false
  #activeMs = 0
  #abort: ((error?: Error) => void) | undefined
  #resume: (() => void) | undefined

  constructor (context: RelayContext, owner: AttemptOwner, req: IncomingMessage, token: AccessToken) {
    this.#context = context
    this.#owner = owner
    this.#token = token
    this.#upload = hasBody(req)
      ? new Upload(req, { limitBytes: context.maxBodyBytes, onChunk: () => { this.#touch() }, onTooLarge: () => { owner.onTooLarge() } })
      : undefined
  }

  /** Bytes of the caller's body read so far. */
  get bytesIn (): number {
    return this.#upload?.bytes ?? 0
  }

  /**
   * Hands the request to the pool.
   *
   * @param headers flat names and values, without `Authorization`
   */
  send (method: string, path: string, headers: readonly string[]): void {
    this.#context.upstream.dispatch({
      path,
      method: method as Dispatcher.HttpMethod,
      // The one place where the token leaves: set last, over whatever the caller sent.
      headers: [...headers, 'authorization', this.#token.authorization],
      body: (this.#upload ?? null) as unknown as Buffer | null,
    }, this)
  }

  /** Lets go of AMSU, whatever is under way there. */
  leave (): void {
    this.#phase = 'over'
    this.#upload?.destroy()
    const abort = this.#abort
    this.#abort = undefined
    abort?.()
  }

  /** The caller can take more of the answer. */
  resume (): void {
    this.#touch()
    this.#resume?.()
  }

  /** What to call a silence that has lasted too long at `nowMs`, or undefined while it has not. */
  overdue (nowMs: number): ErrorCode | undefined {
    const silentMs = nowMs - this.#activeMs
    const { idleTimeoutMs, responseTimeoutMs } = this.#context
    switch (this.#phase) {
      case 'uploading':
        if (silentMs <= idleTimeoutMs) return undefined
        return this.#upload?.isPaused === true ? 'UPSTREAM_TIMEOUT' : 'REQUEST_TIMEOUT'
      case 'waiting':
        return silentMs > responseTimeoutMs ? 'UPSTREAM_TIMEOUT' : undefined
      case 'downloading':
        return silentMs > idleTimeoutMs ? 'UPSTREAM_TIMEOUT' : undefined
      case 'connecting': // limited by the connector
      case 'over':
        return undefined
    }
  }

  /** A connection is there and nothing has been sent: the last moment to look at the token. */
  onConnect (abort: (error?: Error) => void): void {
    if (this.#phase === 'over' || !this.#context.tokens.isUsable(this.#token)) {
      abort()
      return
    }
    this.#abort = abort
    this.#isSent = true
    this.#phase = this.#upload === undefined ? 'waiting' : 'uploading'
    this.#touch()
    this.#owner.onSending()
  }

  onRequestSent (): void {
    if (this.#phase !== 'uploading') return
    this.#phase = 'waiting'
    this.#touch()
  }

  onHeaders (status: number, raw: Buffer[], resume: () => void, statusText: string): boolean {
    if (status < 200 || this.#phase === 'over') return true
    this.#phase = 'downloading'
    this.#touch()
    this.#resume = resume
    this.#owner.onAnswer(status, raw, statusText)
    return true
  }

  onData (chunk: Buffer): boolean {
    if (this.#phase !== 'downloading') return true
    this.#touch()
    return this.#owner.onAnswerChunk(chunk)
  }

  onComplete (): void {
    this.#abort = undefined
    if (this.#phase !== 'over') this.#owner.onAnswerEnd()
  }

  onError (cause: Error): void {
    this.#abort = undefined
    if (this.#phase === 'over') return
    const isOutdated = !this.#isSent && !this.#context.tokens.isUsable(this.#token)
    this.#phase = 'over'
    this.#upload?.destroy()
    if (isOutdated) this.#owner.onTokenOutdated()
    else this.#owner.onFailure(cause, this.#isSent)
  }

  #touch (): void {
    this.#activeMs = this.#context.deadlines.nowMs
  }
}
