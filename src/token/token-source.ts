/**
 * Keeps one access token fresh. There is one of these in a process, and it makes one token call at a time: a renewal belongs to
 * no request, so no caller can cancel it, and a hundred callers who find the token expired wait for the same one.
 */
import type { BaseLogger } from 'pino'
import { toCallError, type Credentials, type TokenCallError, type TokenGrant } from '../amsu/token-api.ts'
import type { TokenCall } from '../amsu/token-call.ts'
import { elapsedMs, instant, type Instant, type Timer } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { AccessToken } from './access-token.ts'
import { Backoff } from './backoff.ts'
import { expiryMarginMs, renewAtAgeMs, tokenState, type TokenState } from './refresh-policy.ts'
import { areSame, Renewal, type RenewalOptions } from './renewal.ts'
import { tokenStatus, type TokenStatus } from './token-status.ts'
import { TokenWaiters } from './token-waiters.ts'

/** The source looks at the clocks at least this often, so that sleep and clock jumps are noticed without a request, and no timer is ever near 2^31 ms. */
const TICK_MS = 15_000

/** An answer that blames the token can mean a missing permission; it causes a renewal at most this often. */
const MIN_FORCED_GAP_MS = 5_000

/** What a token source is made of. */
export interface TokenSourceOptions extends RenewalOptions {
  readonly random: () => number
  readonly log: Pick<BaseLogger, 'info' | 'warn' | 'error'>
  /** How long a request may wait for a token when none is usable. */
  readonly tokenWaitMs: number
}

/** Create, `start()`, ask, `close()`. */
export class TokenSource {
  readonly #options: TokenSourceOptions
  readonly #waiters: TokenWaiters<AccessToken>
  readonly #renewal: Renewal
  /** Credentials that are not in use before AMSU has given a token for them. */
  #candidate: Credentials | undefined
  #isCandidateRejected = false
  #token: AccessToken | undefined
  #renewAtMs = 0
  /** When AMSU's word about a bad token last made us renew. */
  #forcedAt: Instant | undefined
  /** Tokens AMSU has refused; requests that queue with one of them must not send it. */
  readonly #invalidTokens = new WeakSet<AccessToken>()
  readonly #backoff: Backoff
  #lastFailure: TokenCallError | undefined
  #isCalling = false
  #isClosed = false
  #timer: Timer | undefined

  constructor (options: TokenSourceOptions) {
    this.#options = options
    this.#renewal = new Renewal(options)
    this.#waiters = new TokenWaiters(options.clock)
    this.#backoff = new Backoff(options.clock, options.random)
  }

  /** Fetches the first token in the background and keeps one from then on. */
  start = (): void => { this.#advance() }

  /** Makes no more calls; whoever waits is told that the proxy is shutting down. */
  close (): void {
    this.#isClosed = true
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer)
    this.#waiters.rejectAll(() => new ProxyError('DRAINING'))
  }

  /**
   * Tries credentials at once, and takes them into use when they bring a token; until then, and if AMSU refuses them, the old ones
   * stay. Those in use are not tried again, unless AMSU refuses them, so that the secret crosses the wire as seldom as possible.
   *
   * @returns whether they are tried
   */
  rotate (candidate: Credentials): boolean {
    this.#isCandidateRejected = false
    const isInUse = this.#renewal.isInUse(candidate)
    if (isInUse && !(this.#isCalling && this.#candidate !== undefined)) {
      this.#candidate = undefined
      if (this.#backoff.failure !== 'rejected') return false
    } else if (this.#candidate === undefined || !areSame(this.#candidate, candidate)) {
      // Also those in use, while others are being tried: should AMSU take the others, these are the ones to go back to.
      this.#candidate = candidate
    }
    this.#backoff.skip()
    this.#advance()
    return true
  }

  /**
   * AMSU says that `token` is bad. Drops it, unless a newer one is there already, and renews at once.
   *
   * @returns whether another token is there or on its way; false when the last such renewal is too recent to blame the token
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
    this.#options.log.warn('AMSU says the access token is bad, renewing it')
    this.#advance()
    return true
  }

  /** The token to send now, or undefined when none is usable. Looks at the clocks itself, and starts a renewal behind when one is due. */
  current (): AccessToken | undefined {
    const state = this.#state()
    if (state !== 'fresh') this.#callIfDue()
    return state === 'expired' ? undefined : this.#token
  }

  /** Whether `token` may still be sent: it was valid when it was taken, but its request may have queued since. */
  isUsable (token: AccessToken): boolean {
    return !this.#invalidTokens.has(token) && elapsedMs(token.issuedAt, this.#options.clock) < token.lifeMs - expiryMarginMs(token.lifeMs)
  }

  /**
   * Waits for a usable token.
   *
   * @param signal ends the wait when the caller is gone
   * @throws {ProxyError} TOKEN_UNAVAILABLE after the wait, CREDENTIALS_REJECTED at once
   */
  async acquire (signal: AbortSignal): Promise<AccessToken> {
    const token = this.current()
    if (token !== undefined) return token
    if (this.#backoff.failure === 'rejected') throw this.#unavailable()
    return await this.#waiters.wait({ timeoutMs: this.#options.tokenWaitMs, signal, toError: () => this.#unavailable() })
  }

  /** What is known of the token now; makes no call. */
  status (): TokenStatus {
    const token = this.#isUsable() ? this.#token : undefined
    const { refreshIssuedAt } = this.#renewal
    return tokenStatus({ token, renewAtMs: this.#renewAtMs, refreshIssuedAt, backoff: this.#backoff, lastFailure: this.#lastFailure, isCalling: this.#isCalling, areNewCredentialsRejected: this.#isCandidateRejected }, this.#options.clock)
  }

  #state (): TokenState {
    const token = this.#token
    return token === undefined ? 'expired' : tokenState(elapsedMs(token.issuedAt, this.#options.clock), token.lifeMs, this.#renewAtMs)
  }

  /** Starts a call if one is due, and sets the timer for the next look. */
  #advance (): void {
    if (this.#isClosed) return
    const { clock } = this.#options
    const token = this.#token
    const isDue = this.#state() !== 'fresh' || this.#candidate !== undefined
    if (isDue) this.#callIfDue()
    if (this.#isCalling) return
    const untilStaleMs = token === undefined || isDue ? 0 : this.#renewAtMs - elapsedMs(token.issuedAt, clock)
    const delayMs = Math.min(Math.max(untilStaleMs, this.#backoff.leftMs(), 1), TICK_MS)
    if (this.#timer !== undefined) clock.clearTimeout(this.#timer)
    this.#timer = clock.setTimeout(() => { this.#advance() }, delayMs)
  }

  #callIfDue (): void {
    if (this.#isCalling || this.#isClosed || this.#backoff.leftMs() > 0) return
    this.#isCalling = true
    const goOn = (): void => {
      this.#isCalling = false
      this.#advance()
    }
    this.#renew().then(goOn, goOn)
  }

  async #renew (): Promise<void> {
    if (this.#candidate !== undefined && this.#renewal.isInUse(this.#candidate)) {
      this.#candidate = undefined
      if (this.#state() === 'fresh') return
    }
    if (this.#candidate !== undefined && await this.#tryCandidate(this.#candidate)) return
    try {
      const { grant, call } = await this.#renewal.attempt({ hasFailed: this.#backoff.failure !== undefined, isTokenUsable: this.#isUsable })
      this.#succeed(grant, call)
    } catch (error) {
      this.#fail(toCallError('credentials', error))
    }
  }

  /** Tries the candidate. True when nothing else needs to be done in this attempt. */
  async #tryCandidate (candidate: Credentials): Promise<boolean> {
    const { log } = this.#options
    try {
      const grant = await this.#renewal.adopt(candidate)
      if (this.#candidate === candidate) this.#candidate = undefined
      log.info('new AMSU credentials are in use')
      this.#succeed(grant, 'credentials')
      return true
    } catch (error) {
      const failure = toCallError('credentials', error)
      const isRejected = failure.kind === 'rejected'
      if (isRejected && this.#candidate === candidate) {
        this.#candidate = undefined
        this.#isCandidateRejected = true
      }
      log.error({ err: failure }, isRejected ? 'AMSU refuses the new credentials, the old ones stay' : 'the new AMSU credentials could not be tried yet, the old ones stay')
      if (this.#state() !== 'fresh') return false
      if (!isRejected) this.#fail(failure)
      return true
    }
  }

  #isUsable = (): boolean => this.#state() !== 'expired'

  #succeed (grant: TokenGrant, call: TokenCall): void {
    const { log, random } = this.#options
    const wasWaiting = this.#backoff.failure !== undefined
    const token = new AccessToken(grant.accessToken, grant.issuedAt, grant.lifeMs)
    this.#token = token
    this.#renewAtMs = renewAtAgeMs(grant.lifeMs, random())
    this.#backoff.succeed()
    log.info({ call, lifeSeconds: Math.round(grant.lifeMs / 1000), renewInSeconds: Math.round(this.#renewAtMs / 1000) }, wasWaiting ? 'AMSU access token obtained again' : 'AMSU access token obtained')
    this.#waiters.resolveAll(token)
  }

  #fail (error: TokenCallError): void {
    if (this.#isClosed) return
    const kind = error.kind === 'rejected' ? 'rejected' : 'transient'
    this.#lastFailure = error
    this.#backoff.fail(kind, error.retryAfterMs)
    const fields = { failures: this.#backoff.failures, retryInSeconds: Math.ceil(this.#backoff.leftMs() / 1000) }
    if (kind === 'rejected') {
      this.#options.log.error(fields, 'AMSU refuses the credentials: check AMSU_CLIENT_ID and AMSU_CLIENT_SECRET')
      if (!this.#isUsable()) this.#waiters.rejectAll(() => this.#unavailable())
    } else {
      this.#options.log.warn(fields, 'no AMSU access token obtained, will try again')
    }
  }

  #unavailable (): ProxyError {
    const code = this.#backoff.failure === 'rejected' ? 'CREDENTIALS_REJECTED' : 'TOKEN_UNAVAILABLE'
    return new ProxyError(code, { retryAfterSeconds: Math.max(1, Math.ceil(this.#backoff.leftMs() / 1000)) })
  }
}
