/**
 * One attempt to have AMSU answer a request: the upstream half of an exchange. It is undici's handler, so that a chunk crosses
 * without a stream in between. undici calls the `on…` methods, in the order in which they stand here.
 */
import type { IncomingMessage } from 'node:http'
import type { Dispatcher } from 'undici'
import type { ErrorCode } from '../errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import { authorized } from './authorized.ts'
import type { RelayContext } from './context.ts'
import { hasBody } from './framing.ts'
import { ReplayBuffer } from './replay-buffer.ts'
import { Upload } from './upload.ts'
import type { ConnectionAware, ConnectionUse } from './upstream-agent.ts'
import type { AttemptProgress } from './upstream-errors.ts'

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
  /** No answer, or no whole one. */
  onFailure: (cause: Error, progress: AttemptProgress) => void
}

/** Sends the request once with one token. */
export class Attempt implements Dispatcher.DispatchHandler, ConnectionAware {
  readonly #context: RelayContext
  readonly #owner: AttemptOwner
  readonly #token: AccessToken
  readonly #upload: Upload | undefined
  #phase: Phase = 'connecting'
  readonly #replay: ReplayBuffer
  readonly #replayed: ReplayBuffer | undefined
  #use: ConnectionUse | undefined
  #isSent = false
  #isSentWhole = false
  #isReused = false
  #isAnswered = false
  #activeMs = 0
  #isHeldUp = false
  #abort: ((error?: Error) => void) | undefined
  #resume: (() => void) | undefined

  /** @param replayed the body as the attempt before kept it; without, it is read from the caller */
  constructor (context: RelayContext, owner: AttemptOwner, req: IncomingMessage, token: AccessToken, replayed?: ReplayBuffer) {
    this.#context = context
    this.#owner = owner
    this.#token = token
    this.#replayed = replayed
    this.#replay = replayed ?? new ReplayBuffer(context.replayBudget)
    this.#upload = replayed === undefined && hasBody(req)
      ? new Upload(req, { limitBytes: context.maxBodyBytes, replay: this.#replay, onProgress: () => { this.#touch() }, onTooLarge: () => { owner.onTooLarge() } })
      : undefined
  }

  /** The token this was sent with. */
  get token (): AccessToken {
    return this.#token
  }

  /** The body as it was sent, if it was kept whole: empty if there was none, undefined if it can not be sent again. Whoever takes it releases it. */
  replayableBody (): ReplayBuffer | undefined {
    return this.#isSentWhole && this.#replay.isWhole ? this.#replay : undefined
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
      headers: authorized(headers, this.#token),
      body: (this.#upload ?? this.#replayed?.body() ?? null) as unknown as Buffer | null,
    }, this)
  }

  /** Lets go of AMSU, whatever is under way there. */
  leave (): void {
    this.#phase = 'over'
    this.#replay.release()
    this.#upload?.destroy()
    const abort = this.#abort
    this.#abort = undefined
    abort?.()
  }

  /** Whether the caller, not AMSU, is what the answer waits for. */
  get isHeldUp (): boolean {
    return this.#isHeldUp
  }

  /** The caller can take more of the answer. */
  resume (): void {
    this.#isHeldUp = false
    this.#touch()
    this.#resume?.()
  }

  /** What to call a silence that has lasted too long at `nowMs`, or undefined while it has not. A caller who does not read is not one. */
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
        return silentMs > idleTimeoutMs && !this.#isHeldUp ? 'UPSTREAM_TIMEOUT' : undefined
      case 'connecting': // limited by the connector
      case 'over':
        return undefined
    }
  }

  onConnection (use: ConnectionUse): void {
    this.#use = use
  }

  /** A connection is there and nothing has been sent: the last moment to look at the token. */
  onConnect (abort: (error?: Error) => void): void {
    if (this.#phase === 'over' || !this.#context.tokens.isUsable(this.#token)) {
      abort()
      return
    }
    this.#abort = abort
    this.#isSent = true
    this.#isReused = this.#use !== undefined && this.#use.requests++ > 0
    this.#phase = this.#upload === undefined ? 'waiting' : 'uploading'
    this.#touch()
    this.#owner.onSending()
  }

  onRequestSent (): void {
    this.#isSentWhole = true
    if (this.#phase !== 'uploading') return
    this.#phase = 'waiting'
    this.#touch()
  }

  onResponseStarted (): void {
    this.#isAnswered = true
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
    this.#isHeldUp = !this.#owner.onAnswerChunk(chunk)
    return !this.#isHeldUp
  }

  onComplete (): void {
    this.#abort = undefined
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#owner.onAnswerEnd()
  }

  onError (cause: Error): void {
    this.#abort = undefined
    if (this.#phase === 'over') return
    const isOutdated = !this.#isSent && !this.#context.tokens.isUsable(this.#token)
    this.#phase = 'over'
    this.#upload?.destroy()
    if (isOutdated) this.#owner.onTokenOutdated()
    else this.#owner.onFailure(cause, { isSent: this.#isSent, isReused: this.#isReused, isAnswered: this.#isAnswered })
  }

  #touch (): void {
    this.#activeMs = this.#context.deadlines.nowMs
  }
}
