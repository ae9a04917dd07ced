/**
 * Token renewal: one attempt to get the next token, by a refresh call (PUT, then POST) or with the credentials. token-source.ts decides when
 * an attempt is made.
 */
import type { BaseLogger } from 'pino'
import { toCallError, type Credentials, type TokenApi, type TokenCallError, type TokenGrant } from '../amsu/token-api.ts'
import type { TokenCall } from '../amsu/token-call.ts'
import { type Clock, elapsedMs, instant, type Instant } from '../clock.ts'
import type { Secret } from '../secrets/secret.ts'
import { isWorthTrying, renewalPlan } from './renewal-policy.ts'

/** Options and dependencies of attempts. */
export interface RenewalOptions {
  readonly api: TokenApi
  readonly credentials: Credentials
  readonly clock: Clock
  readonly log: Pick<BaseLogger, 'warn'>
  /** Called with every secret as soon as it is known, before anything can log it. */
  readonly onSecret: (name: string, secret: Secret) => void
}

/** Inputs of one attempt. */
export interface AttemptSituation {
  /** Whether the attempt before this one failed. */
  readonly hasFailed: boolean
  /** Called before each call, because the token may expire meanwhile. */
  readonly isTokenUsable: () => boolean
  /** Called before each further call, because the proxy may stop meanwhile. */
  readonly isClosed: () => boolean
}

interface RefreshToken { readonly secret: Secret, readonly issuedAt: Instant }

/** Owns the credentials in use and the last refresh token. */
export class Renewal {
  readonly #options: RenewalOptions
  #credentials: Credentials
  #refreshToken: RefreshToken | undefined
  #putBlockedAt: Instant | undefined

  constructor (options: RenewalOptions) {
    this.#options = options
    this.#credentials = options.credentials
  }

  /** Whether these credentials are in use. */
  isInUse (credentials: Credentials): boolean {
    return areSame(credentials, this.#credentials)
  }

  /** When the refresh token was issued, or undefined if there is none. */
  get refreshTokenIssuedAt (): Instant | undefined {
    return this.#refreshToken?.issuedAt
  }

  /**
   * Makes the calls of the plan in order, until one gets a token or the remaining ones would not help.
   *
   * @throws {TokenCallError} the failure of the last call that was made
   */
  async attempt ({ hasFailed, isTokenUsable, isClosed }: AttemptSituation): Promise<{ grant: TokenGrant, call: TokenCall }> {
    let failure: TokenCallError | undefined
    for (const call of this.#plan(hasFailed, isTokenUsable())) {
      if (failure !== undefined && (isClosed() || !isWorthTrying(call, failure.kind, isTokenUsable()))) continue
      try {
        const grant = this.#keep(await this.#call(call))
        if (failure?.kind === 'connection_lost' && call === 'refresh_post') this.#putBlockedAt = instant(this.#options.clock)
        return { grant, call }
      } catch (error) {
        failure = toCallError(call, error)
        if (failure.kind === 'method_blocked') this.#putBlockedAt = instant(this.#options.clock)
        if (failure.kind === 'rejected' && call !== 'credentials') this.#refreshToken = undefined
        this.#options.log.warn({ call, kind: failure.kind, err: failure }, 'AMSU token call failed')
      }
    }
    throw toCallError('credentials', failure)
  }

  /**
   * Gets a token for other credentials, and uses these from then on. The old refresh token is dropped: it may belong to another account,
   * and the response may not hold a new one.
   *
   * @param signal aborts the call
   * @throws {TokenCallError} if they get no token; then the old credentials stay in use
   */
  adopt = async (candidate: Credentials, signal?: AbortSignal): Promise<TokenGrant> => {
    const { api, onSecret } = this.#options
    try {
      const grant = await api.issue(candidate, signal)
      this.#credentials = candidate
      this.#refreshToken = undefined
      onSecret('client_id', candidate.clientId)
      onSecret('client_secret', candidate.clientSecret)
      return this.#keep(grant)
    } catch (error) {
      throw toCallError('credentials', error)
    }
  }

  async #call (call: TokenCall): Promise<TokenGrant> {
    const { api } = this.#options
    const { secret } = this.#refreshToken ?? {}
    return call === 'credentials' || secret === undefined ? await api.issue(this.#credentials) : await api.refresh(call, secret)
  }

  #keep (grant: TokenGrant): TokenGrant {
    const { onSecret } = this.#options
    onSecret('access_token', grant.accessToken)
    if (grant.refreshToken !== undefined) {
      onSecret('refresh_token', grant.refreshToken)
      this.#refreshToken = { secret: grant.refreshToken, issuedAt: grant.issuedAt }
    }
    return grant
  }

  #plan (hasFailed: boolean, isTokenUsable: boolean): TokenCall[] {
    return renewalPlan({ refreshTokenAgeMs: this.#ageMs(this.refreshTokenIssuedAt), putBlockedAgeMs: this.#ageMs(this.#putBlockedAt), isTokenUsable, hasFailed })
  }

  #ageMs (since: Instant | undefined): number | undefined {
    return since === undefined ? undefined : elapsedMs(since, this.#options.clock)
  }
}

/** Whether two pairs of credentials are equal. */
export function areSame (a: Credentials, b: Credentials): boolean {
  return a.clientId.reveal() === b.clientId.reveal() && a.clientSecret.reveal() === b.clientSecret.reveal()
}
