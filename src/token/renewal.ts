/**
 * One attempt to get a token: which calls it makes, what they show to AMSU, and what their failures teach. When an attempt is made
 * is not decided here.
 */
import type { BaseLogger } from 'pino'
import { toCallError, type Credentials, type TokenApi, type TokenCallError, type TokenGrant } from '../amsu/token-api.ts'
import type { TokenCall } from '../amsu/token-call.ts'
import { type Clock, elapsedMs, instant, type Instant } from '../clock.ts'
import type { Secret } from '../secrets/secret.ts'
import { isWorthTrying, renewalPlan } from './refresh-policy.ts'

/** What attempts are made with. */
export interface RenewalOptions {
  readonly api: TokenApi
  readonly credentials: Credentials
  readonly clock: Clock
  readonly log: Pick<BaseLogger, 'warn'>
  /** Told every secret the moment it is known, before anything can log it. */
  readonly onSecret: (name: string, secret: Secret) => void
}

/** What an attempt depends on that is known elsewhere. */
export interface AttemptSituation {
  /** Whether the attempt before this one failed. */
  readonly hasFailed: boolean
  /** Asked again before each call, because a token may end meanwhile. */
  readonly isTokenUsable: () => boolean
}

interface RefreshToken { readonly secret: Secret, readonly issuedAt: Instant }

/** Holds what AMSU is shown for a token: the credentials in use and the last refresh token. */
export class Renewal {
  readonly #options: RenewalOptions
  #credentials: Credentials
  #refreshToken: RefreshToken | undefined
  #putBlockedAt: Instant | undefined

  constructor (options: RenewalOptions) {
    this.#options = options
    this.#credentials = options.credentials
  }

  /** Whether these are the credentials AMSU is shown now. */
  isInUse (credentials: Credentials): boolean {
    return areSame(credentials, this.#credentials)
  }

  /** When the refresh token was issued, or undefined if there is none. */
  get refreshIssuedAt (): Instant | undefined {
    return this.#refreshToken?.issuedAt
  }

  /**
   * Makes the calls of the plan in turn, until one brings a token or the rest would not help.
   *
   * @throws {TokenCallError} the failure of the last call that was made
   */
  async attempt ({ hasFailed, isTokenUsable }: AttemptSituation): Promise<{ grant: TokenGrant, call: TokenCall }> {
    let failure: TokenCallError | undefined
    for (const call of this.#plan(hasFailed, isTokenUsable())) {
      if (failure !== undefined && !isWorthTrying(call, failure.kind, isTokenUsable())) continue
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
   * Gets a token for other credentials, and uses these from then on. The refresh token of the old ones goes with them: it may be of
   * another account, and the response need not bring a new one.
   *
   * @throws {TokenCallError} when they bring no token; then the old ones stay
   */
  async adopt (candidate: Credentials): Promise<TokenGrant> {
    const { api, onSecret } = this.#options
    try {
      const grant = await api.issue(candidate)
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
    return renewalPlan({ refreshTokenAgeMs: this.#ageMs(this.refreshIssuedAt), putBlockedAgeMs: this.#ageMs(this.#putBlockedAt), isTokenUsable, hasFailed })
  }

  #ageMs (since: Instant | undefined): number | undefined {
    return since === undefined ? undefined : elapsedMs(since, this.#options.clock)
  }
}

/** Whether two pairs are one, whatever objects hold them. */
export function areSame (a: Credentials, b: Credentials): boolean {
  return a.clientId.reveal() === b.clientId.reveal() && a.clientSecret.reveal() === b.clientSecret.reveal()
}
