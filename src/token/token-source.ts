/**
 * Token source: keeps one access token of AMSU fresh. A process has one, and it makes one token call at a time (single flight): a renewal
 * does not belong to a request, so no client can cancel it, and a hundred requests that find the token expired wait for the same renewal.
 */
import type { BaseLogger } from 'pino'
import { toCallError, type Credentials, type TokenCallError, type TokenGrant } from '../amsu/token-api.ts'
import type { TokenCall } from '../amsu/token-call.ts'
import { elapsedMs, instant, type Instant, type Timer } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { AccessToken } from './access-token.ts'
import { Backoff } from './backoff.ts'
import { expiryMarginMs, failureKind, nextAttempt, renewAtAgeMs, tokenState, type TokenState } from './renewal-policy.ts'
import { Renewal, type RenewalOptions } from './renewal.ts'
import { CredentialRotation } from './credential-rotation.ts'
import { tokenStatus, type TokenStatus } from './token-status.ts'
import { TokenWaiters } from './token-waiters.ts'

/** Maximum timer delay: sleep and clock jumps are noticed without a request, and no timer exceeds 2^31 ms. */
const TICK_MS = 15_000

/** Minimum time between renewals caused by a rejected token: the rejection can also mean a missing permission. */
const MIN_FORCED_GAP_MS = 5_000

/** Options and dependencies of a token source. */
export interface TokenSourceOptions extends RenewalOptions {
  readonly random: () => number
  readonly log: Pick<BaseLogger, 'info' | 'warn' | 'error'>
  /** How long a request may wait for a token if none is usable. */
  readonly tokenWaitMs: number
}

/** Keeps the token. Use: create, `start()`, `current()` or `acquire()`, `close()`. */
export class TokenSource {
  readonly #options: TokenSourceOptions
  readonly #waiters: TokenWaiters<AccessToken>
  readonly #renewal: Renewal
  readonly #rotation: CredentialRotation
  #token: AccessToken | undefined
  #renewAtMs = 0
  /** When a rejected token last caused a renewal. */
  #forcedAt: Instant | undefined
  /** Tokens that AMSU rejected; queued requests must not send them. */
  readonly #invalidTokens = new WeakSet<AccessToken>()
  /** Of the credentials in use. */
  readonly #backoff: Backoff
  #lastFailure: TokenCallError | undefined
  #isCalling = false
  #isClosed = false
  #timer: Timer | undefined

  constructor (options: TokenSourceOptions) {
    this.#options = options
    this.#renewal = new Renewal(options)
    this.#rotation = new CredentialRotation({ ...options, renewal: this.#renewal })
    this.#waiters = new TokenWaiters(options.clock)
    this.#backoff = new Backoff(options.clock, options.random)
  }

  /** Gets the first token in the background, and keeps it fresh from then on. */
  start = (): void => { this.#advance() }

  /** Starts no further call. Waiting requests fail with DRAINING. */
  close (): void {
    this.#isClosed = true
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer)
    this.#rotation.close()
    this.#waiters.rejectAll(() => new ProxyError('DRAINING'))
  }

  /**
   * Tries new credentials at once, and uses them when they get a token. Until then, and if AMSU rejects them, the old ones stay in use.
   * Credentials in use are not tried again unless AMSU rejects them, so that the secret is sent as seldom as possible.
   *
   * @returns whether they are tried
   */
  rotate (credentials: Credentials): boolean {
    if (this.#isClosed) return false
    const isOffered = this.#rotation.offer(credentials, this.#backoff.failure === 'rejected')
    if (isOffered) this.#advance()
    return isOffered
  }

  /**
   * AMSU rejected `token` as invalid. Drops it, unless there is a newer one already, and renews at once.
   *
   * @returns whether another token is available or being fetched; false if the last such renewal is so recent that the token is not the cause
   */
  invalidate (token: AccessToken): boolean {
    if (this.#token !== token) {
      this.#invalidTokens.add(token)
      return true
    }
    if (this.#forcedAt !== undefined && elapsedMs(this.#forcedAt, this.#options.clock) < MIN_FORCED_GAP_MS) return false
    this.#forcedAt = instant(this.#options.clock)
    this.#invalidTokens.add(token)
    this.#token = undefined
    if (this.#backoff.failure === undefined) this.#backoff.skip()
    this.#options.log.warn('AMSU rejected the access token: the proxy renews it')
    this.#advance()
    return true
  }

  /** The token to send now, or undefined if none is usable. Starts a renewal in the background if one is due. */
  current (): AccessToken | undefined {
    const state = this.#state()
    if (state !== 'fresh') this.#callIfDue()
    return state === 'expired' ? undefined : this.#token
  }

  /** Whether `token` may still be sent: its request may have been queued since it was taken. */
  isUsable (token: AccessToken): boolean {
    return !this.#invalidTokens.has(token) && elapsedMs(token.issuedAt, this.#options.clock) < token.lifeMs - expiryMarginMs(token.lifeMs)
  }

  /**
   * Waits for a usable token.
   *
   * @param signal ends the wait when the client disconnects
   * @param waitedMs how long the same request has waited for tokens before
   * @throws {ProxyError} TOKEN_UNAVAILABLE after the wait, CREDENTIALS_REJECTED at once
   */
  async acquire (signal: AbortSignal, waitedMs = 0): Promise<AccessToken> {
    const token = this.current()
    if (token !== undefined) return token
    if (this.#isRejected()) throw this.#unavailable()
    return await this.#waiters.wait({ timeoutMs: Math.max(0, this.#options.tokenWaitMs - waitedMs), signal, toError: () => this.#unavailable() })
  }

  /** The token's status now; makes no call. */
  status (): TokenStatus {
    const token = this.#isUsable() ? this.#token : undefined
    const { refreshTokenIssuedAt } = this.#renewal
    return tokenStatus({ token, renewAtMs: this.#renewAtMs, refreshTokenIssuedAt, backoff: this.#backoff, lastFailure: this.#lastFailure, isCalling: this.#isCalling, areNewCredentialsRejected: this.#rotation.isRejected }, this.#options.clock)
  }

  #state (): TokenState {
    const token = this.#token
    return token === undefined ? 'expired' : tokenState(elapsedMs(token.issuedAt, this.#options.clock), token.lifeMs, this.#renewAtMs)
  }

  /** Starts a call if one is due, and sets the timer for the next check. */
  #advance (): void {
    if (this.#isClosed) return
    this.#callIfDue()
    if (this.#isCalling) return
    const { clock } = this.#options
    if (this.#timer !== undefined) clock.clearTimeout(this.#timer)
    this.#timer = clock.setTimeout(() => { this.#advance() }, Math.min(Math.max(this.#untilNextCallMs(), 1), TICK_MS))
  }

  #untilNextCallMs (): number {
    const token = this.#token
    const untilStaleMs = token === undefined ? 0 : this.#renewAtMs - elapsedMs(token.issuedAt, this.#options.clock)
    return Math.min(Math.max(untilStaleMs, this.#backoff.leftMs()), this.#rotation.leftMs())
  }

  #callIfDue (): void {
    if (this.#isClosed) return
    if (this.#isCalling) return this.#makeWay()
    if (this.#rotation.dropInUse() && this.#backoff.failure === 'rejected') this.#backoff.skip()
    const next = nextAttempt({ tokenState: this.#state(), failure: this.#backoff.failure, isPaused: this.#backoff.leftMs() > 0, isCandidateDue: this.#rotation.leftMs() <= 0 })
    if (next === undefined) return
    this.#isCalling = true
    const onSettled = (): void => {
      this.#isCalling = false
      this.#advance()
    }
    const attempt = next === 'renewal' ? this.#renew() : this.#tryCandidate()
    attempt.then(onSettled, onSettled)
  }

  /** The trial of new credentials may hang. When no token is usable, the credentials in use go first, unless they too have failed. */
  #makeWay (): void {
    if (!this.#isUsable() && this.#backoff.failure === undefined) this.#rotation.abort()
  }

  async #renew (): Promise<void> {
    try {
      const { grant, call } = await this.#renewal.attempt({ hasFailed: this.#backoff.failure !== undefined, isTokenUsable: this.#isUsable, isClosed: () => this.#isClosed })
      this.#succeed(grant, call)
    } catch (error) {
      this.#fail(toCallError('credentials', error))
    }
  }

  async #tryCandidate (): Promise<void> {
    const grant = await this.#rotation.try()
    if (grant === undefined) this.#rejectWaiters()
    else this.#succeed(grant, 'credentials')
  }

  #isUsable = (): boolean => this.#state() !== 'expired'

  #succeed (grant: TokenGrant, call: TokenCall): void {
    const { log, random } = this.#options
    const hadFailed = this.#backoff.failure !== undefined
    const token = new AccessToken(grant.accessToken, grant.issuedAt, grant.lifeMs)
    this.#token = token
    this.#renewAtMs = renewAtAgeMs(grant.lifeMs, random())
    this.#backoff.succeed()
    log.info({ call, lifeSeconds: Math.round(grant.lifeMs / 1000), renewInSeconds: Math.round(this.#renewAtMs / 1000) }, hadFailed ? 'AMSU access token obtained again' : 'AMSU access token obtained')
    // A token whose call took longer than its lifetime serves nobody.
    if (this.#isUsable()) this.#waiters.resolveAll(token)
  }

  #fail (error: TokenCallError): void {
    if (this.#isClosed) return
    const kind = failureKind(error.kind)
    this.#lastFailure = error
    this.#backoff.fail(kind, error.retryAfterMs)
    const fields = { failures: this.#backoff.failures, retryInSeconds: Math.ceil(this.#backoff.leftMs() / 1000) }
    if (kind === 'rejected') {
      this.#options.log.error(fields, 'AMSU rejects the credentials: check AMSU_CLIENT_ID and AMSU_CLIENT_SECRET')
      this.#rejectWaiters()
    } else {
      this.#options.log.warn(fields, 'the proxy got no access token from AMSU and will try again')
    }
  }

  /** Whether waiting is of no use: AMSU rejected the credentials in use, and there are no others that have not failed. */
  #isRejected (): boolean {
    return this.#backoff.failure === 'rejected' && !this.#rotation.isPromising
  }

  #rejectWaiters (): void {
    if (this.#isRejected() && !this.#isUsable()) this.#waiters.rejectAll(() => this.#unavailable())
  }

  #unavailable (): ProxyError {
    const code = this.#backoff.failure === 'rejected' ? 'CREDENTIALS_REJECTED' : 'TOKEN_UNAVAILABLE'
    return new ProxyError(code, { retryAfterSeconds: Math.max(1, Math.ceil(this.#untilNextCallMs() / 1000)) })
  }
}
