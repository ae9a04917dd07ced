/**
 * One attempt to have AMSU answer a request: the upstream half of an exchange. A chunk crosses without a stream in between.
 */
import type { IncomingMessage } from 'node:http'
import type { ErrorCode } from '../errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { Delivery, DeliveryListener } from '../upstream/delivery.ts'
import { authorized } from './authorized.ts'
import type { ReceivedHead } from './bad-token.ts'
import type { RelayContext } from './context.ts'
import { hasBody } from './framing.ts'
import { ReplayBuffer } from './replay-buffer.ts'
import { Upload } from './upload.ts'
import type { AttemptProgress } from './upstream-errors.ts'

/** Where an attempt stands, and so whose silence a time-out would punish. */
type Phase = 'connecting' | 'uploading' | 'waiting' | 'downloading' | 'over'

/** The caller's half of the exchange, as the attempt sees it. */
export interface AttemptOwner {
  /** The request is about to be written to a connection. */
  onSending: () => void
  /** AMSU's final answer begins; throws if it can not be passed on. */
  onAnswer: (head: ReceivedHead) => void
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
export class Attempt implements DeliveryListener {
  readonly #context: RelayContext
  readonly #owner: AttemptOwner
  readonly #token: AccessToken
  readonly #body: Upload | Buffer | undefined
  #phase: Phase = 'connecting'
  readonly #replay: ReplayBuffer
  #delivery: Delivery | undefined
  #isSent = false
  #isSentWhole = false
  #isReused = false
  #isAnswered = false
  #activeMs = 0
  #isHeldUp = false

  /** @param replayed the body as the attempt before kept it; without, it is read from the caller */
  constructor (context: RelayContext, owner: AttemptOwner, req: IncomingMessage, token: AccessToken, replayed?: ReplayBuffer) {
    this.#context = context
    this.#owner = owner
    this.#token = token
    this.#replay = replayed ?? new ReplayBuffer(context.replayBudget)
    this.#body = !hasBody(req) ? undefined : replayed?.body() ?? this.#uploadOf(req)
  }

  /** The token this was sent with. */
  get token (): AccessToken {
    return this.#token
  }

  /** The body as it was sent, if it was kept whole: empty if there was none, undefined if it can not be sent again. Whoever takes it releases it. */
  replayableBody (): ReplayBuffer | undefined {
    return this.#isSentWhole && this.#replay.isWhole ? this.#replay : undefined
  }

  get #upload (): Upload | undefined {
    return this.#body instanceof Upload ? this.#body : undefined
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
  send (method: string, target: string, headers: readonly string[]): void {
    this.#delivery = this.#context.transport.send({ method, target, headers: authorized(headers, this.#token), body: this.#body }, this)
  }

  /** Lets go of AMSU, whatever is under way there. */
  leave (): void {
    this.#phase = 'over'
    this.#replay.release()
    this.#upload?.destroy()
    this.#delivery?.abort()
  }

  /** Whether the caller, not AMSU, is what the answer waits for. */
  get isHeldUp (): boolean {
    return this.#isHeldUp
  }

  /** The caller can take more of the answer. */
  resume (): void {
    this.#isHeldUp = false
    this.#touch()
    this.#delivery?.resume()
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

  /** The last moment to look at the token. */
  onConnected (isReused: boolean): boolean {
    if (!this.#context.tokens.isUsable(this.#token)) {
      this.#phase = 'over'
      this.#upload?.destroy()
      this.#owner.onTokenOutdated()
      return false
    }
    this.#isSent = true
    this.#isReused = isReused
    this.#phase = this.#upload === undefined ? 'waiting' : 'uploading'
    this.#touch()
    this.#owner.onSending()
    return true
  }

  onSent (): void {
    this.#isSentWhole = true
    if (this.#phase !== 'uploading') return
    this.#phase = 'waiting'
    this.#touch()
  }

  onAnswerStarted (): void {
    this.#isAnswered = true
  }

  onHead (head: ReceivedHead): void {
    if (this.#phase === 'over') return
    this.#phase = 'downloading'
    this.#touch()
    this.#owner.onAnswer(head)
  }

  onBody (chunk: Buffer): boolean {
    if (this.#phase !== 'downloading') return true
    this.#touch()
    this.#isHeldUp = !this.#owner.onAnswerChunk(chunk)
    return !this.#isHeldUp
  }

  onEnd (): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#owner.onAnswerEnd()
  }

  onFailure (cause: Error): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#upload?.destroy()
    this.#owner.onFailure(cause, { isSent: this.#isSent, isReused: this.#isReused, isAnswered: this.#isAnswered })
  }

  #uploadOf (req: IncomingMessage): Upload {
    return new Upload(req, {
      limitBytes: this.#context.maxBodyBytes,
      keep: chunk => this.#replay.add(chunk),
      onProgress: () => { this.#touch() },
      onTooLarge: () => { this.#owner.onTooLarge() },
    })
  }

  #touch (): void {
    this.#activeMs = this.#context.deadlines.nowMs
  }
}
