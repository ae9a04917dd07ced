/**
 * Keeps one access token fresh. There is one of these in a process, and it makes one token call at a time: a renewal belongs to
 * no request, so no caller can cancel it, and a hundred callers who find the token expired wait for the same one.
 */
import type { BaseLogger } from 'pino'
import type { Clock, Timer } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { Secret } from '../secrets/secret.ts'
import { AccessToken, elapsedMs, instant, type Instant } from './access-token.ts'
import { TokenCallError, type TokenApi, type TokenCall, type TokenGrant } from './amsu-token-api.ts'
import { expiryMarginMs, isRefreshable, METHOD_MEMORY_MS, renewAtAgeMs, retryDelayMs, tokenState, type FailureKind, type TokenState } from './refresh-policy.ts'

/** The source looks at the clocks at least this often, so that sleep and clock jumps are noticed without a request, and no timer is ever near 2^31 ms. */
const TICK_MS = 15_000

/** Renewals follow one another at least this far apart, however short AMSU makes its tokens live. */
const SMALLEST_GAP_MS = 1_000

/** What `/readyz` tells about the token. */
export interface TokenStatus {
  readonly reason: 'ok' | 'starting' | 'token_expired' | 'credentials_rejected'
  /** Whole seconds until the token's end, or null when none is usable. */
  readonly tokenExpiresInSeconds: number | null
}

export interface TokenSourceOptions {
  readonly api: TokenApi
  readonly clock: Clock
  readonly random: () => number
  readonly log: Pick<BaseLogger, 'info' | 'warn' | 'error'>
  /** Told every secret the moment it is known, before anything can log it. */
  readonly onSecret: (name: string, secret: Secret) => void
  /** How long a request may wait for a token when none is usable. */
  readonly tokenWaitMs: number
}

interface RefreshToken { readonly secret: Secret, readonly issuedAt: Instant }
interface Failure { readonly kind: FailureKind, readonly count: number }
interface Waiter { readonly resolve: (token: AccessToken) => void, readonly reject: (error: Error) => void }

/** The one keeper of the token. Create, `start()`, ask, `close()`. */
export class TokenSource {
  readonly #options: TokenSourceOptions
  readonly #waiters = new Set<Waiter>()
  #token: AccessToken | undefined
  #renewAtMs = 0
  #refreshToken: RefreshToken | undefined
  #failure: Failure | undefined
  #putRefusedAt: Instant | undefined
  /** No attempt before this much has gone by since then. */
  #pause: { readonly since: Instant, readonly ms: number }
  #isCalling = false
  #isClosed = false
  #timer: Timer | undefined

  constructor (options: TokenSourceOptions) {
    this.#options = options
    this.#pause = { since: instant(options.clock), ms: 0 }
  }

  /** Fetches the first token in the background and keeps one from then on. */
  start (): void {
    this.#advance()
  }

  /** Makes no more calls; whoever waits is told that the proxy is shutting down. */
  close (): void {
    this.#isClosed = true
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer)
    this.#settleWaiters(waiter => { waiter.reject(new ProxyError('DRAINING')) })
  }

  /** The token to send now, or undefined when none is usable. Looks at the clocks itself, and starts a renewal behind when one is due. */
  current (): AccessToken | undefined {
    const state = this.#state()
    if (state !== 'fresh') this.#callIfDue()
    return state === 'expired' ? undefined : this.#token
  }

  /** Whether `token` may still be sent: it was good when it was taken, but its request may have queued since. */
  isUsable (token: AccessToken): boolean {
    return elapsedMs(token.issuedAt, this.#options.clock) < token.lifeMs - expiryMarginMs(token.lifeMs)
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
    if (this.#failure?.kind === 'rejected') throw this.#unavailable()
    const { clock, tokenWaitMs } = this.#options
    return await new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve: token => { settle(); resolve(token) },
        reject: error => { settle(); reject(error) },
      }
      const onAbort = (): void => { waiter.reject(new ProxyError('TOKEN_UNAVAILABLE', { cause: signal.reason })) }
      const timer = clock.setTimeout(() => { waiter.reject(this.#unavailable()) }, tokenWaitMs)
      const settle = (): void => {
        this.#waiters.delete(waiter)
        clock.clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
      }
      signal.addEventListener('abort', onAbort)
      this.#waiters.add(waiter)
    })
  }

  /** What is known of the token now; makes no call. */
  status (): TokenStatus {
    const token = this.#token
    if (token !== undefined && this.#state() !== 'expired') {
      return { reason: 'ok', tokenExpiresInSeconds: Math.floor((token.lifeMs - elapsedMs(token.issuedAt, this.#options.clock)) / 1000) }
    }
    if (this.#failure?.kind === 'rejected') return { reason: 'credentials_rejected', tokenExpiresInSeconds: null }
    return { reason: token === undefined ? 'starting' : 'token_expired', tokenExpiresInSeconds: null }
  }

  #state (): TokenState {
    const token = this.#token
    return token === undefined ? 'expired' : tokenState(elapsedMs(token.issuedAt, this.#options.clock), token.lifeMs, this.#renewAtMs)
  }

  /** Starts a call if one is due, and sets the timer for the next look. */
  #advance (): void {
    if (this.#isClosed) return
    if (this.#state() !== 'fresh') this.#callIfDue()
    if (this.#isCalling) return
    const { clock } = this.#options
    const token = this.#token
    const untilStaleMs = token === undefined ? 0 : this.#renewAtMs - elapsedMs(token.issuedAt, clock)
    const delayMs = Math.min(Math.max(untilStaleMs, this.#pauseLeftMs(), 1), TICK_MS)
    if (this.#timer !== undefined) clock.clearTimeout(this.#timer)
    this.#timer = clock.setTimeout(() => { this.#advance() }, delayMs)
  }

  #pauseLeftMs (): number {
    return this.#pause.ms - elapsedMs(this.#pause.since, this.#options.clock)
  }

  #callIfDue (): void {
    if (this.#isCalling || this.#isClosed || this.#pauseLeftMs() > 0) return
    this.#isCalling = true
    const goOn = (): void => {
      this.#isCalling = false
      this.#advance()
    }
    this.#renew().then(goOn, goOn)
  }

  /** One attempt: the calls of the plan in turn, until one brings a token or the rest would not help. */
  async #renew (): Promise<void> {
    let failure: TokenCallError | undefined
    for (const call of this.#plan()) {
      if (failure !== undefined && !this.#isWorthTrying(call, failure)) continue
      try {
        this.#succeed(await this.#options.api.call(call, this.#refreshToken?.secret), call, failure)
        return
      } catch (error) {
        failure = error instanceof TokenCallError ? error : new TokenCallError(call, 'trouble', 'defect', { cause: error })
        if (failure.kind === 'refused') this.#putRefusedAt = instant(this.#options.clock)
        if (failure.kind === 'rejected' && call !== 'credentials') this.#refreshToken = undefined
        this.#options.log.warn({ call, kind: failure.kind, err: failure }, 'AMSU token call failed')
      }
    }
    this.#fail(failure)
  }

  /** The order of calls: the secret crosses the wire last. */
  #plan (): TokenCall[] {
    const { clock } = this.#options
    const refresh = this.#refreshToken
    const hasFailed = this.#failure !== undefined && this.#state() === 'expired'
    if (refresh === undefined || !isRefreshable(elapsedMs(refresh.issuedAt, clock)) || hasFailed) return ['credentials']
    const isPutRefused = this.#putRefusedAt !== undefined && elapsedMs(this.#putRefusedAt, clock) < METHOD_MEMORY_MS
    return isPutRefused ? ['refresh_post', 'credentials'] : ['refresh_put', 'refresh_post', 'credentials']
  }

  /** Whether `next` may succeed where the call before it failed. */
  #isWorthTrying (next: TokenCall, failure: TokenCallError): boolean {
    if (failure.kind === 'trouble') return false
    if (next === 'refresh_post') return failure.kind !== 'rejected'
    // While the old token serves, a broken connection is waited out before the secret is sent.
    return failure.kind !== 'broken' || this.#state() === 'expired'
  }

  #succeed (grant: TokenGrant, call: TokenCall, failureBefore: TokenCallError | undefined): void {
    const { clock, log, onSecret, random } = this.#options
    onSecret('access_token', grant.accessToken)
    if (grant.refreshToken !== undefined) onSecret('refresh_token', grant.refreshToken)
    const wasWaiting = this.#failure !== undefined
    const token = new AccessToken(grant.accessToken, grant.issuedAt, grant.lifeMs)
    this.#token = token
    this.#renewAtMs = renewAtAgeMs(grant.lifeMs, random())
    if (grant.refreshToken !== undefined) this.#refreshToken = { secret: grant.refreshToken, issuedAt: grant.issuedAt }
    if (failureBefore?.kind === 'broken' && call === 'refresh_post') this.#putRefusedAt = instant(clock)
    this.#failure = undefined
    this.#pause = { since: instant(clock), ms: SMALLEST_GAP_MS }
    log.info({ call, lifeSeconds: Math.round(grant.lifeMs / 1000), renewInSeconds: Math.round(this.#renewAtMs / 1000) }, wasWaiting ? 'AMSU access token obtained again' : 'AMSU access token obtained')
    this.#settleWaiters(waiter => { waiter.resolve(token) })
  }

  #fail (error: TokenCallError | undefined): void {
    const { clock, log, random } = this.#options
    const kind = error?.kind === 'rejected' ? 'rejected' : 'trouble'
    const count = (this.#failure?.count ?? 0) + 1
    this.#failure = { kind, count }
    this.#pause = { since: instant(clock), ms: retryDelayMs(kind, count, random(), error?.retryAfterMs) }
    const retryInSeconds = Math.ceil(this.#pause.ms / 1000)
    if (kind === 'rejected') {
      log.error({ failures: count, retryInSeconds }, 'AMSU refuses the credentials: check AMSU_CLIENT_ID and AMSU_CLIENT_SECRET')
      if (this.#state() === 'expired') this.#settleWaiters(waiter => { waiter.reject(this.#unavailable()) })
    } else {
      log.warn({ failures: count, retryInSeconds }, 'no AMSU access token obtained, will try again')
    }
  }

  #unavailable (): ProxyError {
    const code = this.#failure?.kind === 'rejected' ? 'CREDENTIALS_REJECTED' : 'TOKEN_UNAVAILABLE'
    return new ProxyError(code, { retryAfterSeconds: Math.max(1, Math.ceil(this.#pauseLeftMs() / 1000)) })
  }

  #settleWaiters (settle: (waiter: Waiter) => void): void {
    for (const waiter of [...this.#waiters]) settle(waiter)
  }
}
