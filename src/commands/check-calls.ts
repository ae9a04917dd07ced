/**
 * The steps of `check` that call AMSU: get a token for the credentials, make both refresh calls, and read the quota. None is an
 * analysis call, so nothing is charged.
 */
import { emptyFamilies, parseAvailableTimes, UNLIMITED, type AvailableTimes } from '../amsu/available-times.ts'
import { isOff, skewSeconds } from '../amsu/clock-skew.ts'
import { createTokenApi, errorCodeOf, parseJson, TokenCallError, type TokenApi, type TokenGrant } from '../amsu/token-api.ts'
import type { RefreshCall } from '../amsu/token-call.ts'
import type { Masker } from '../secrets/masker.ts'
import type { Secret } from '../secrets/secret.ts'
import { AccessToken } from '../token/access-token.ts'
import { withAuthorization } from '../token/with-authorization.ts'
import type { ApiClient, ApiResponseHead } from '../upstream/api-client.ts'
import { ForwardProxyError } from '../upstream/forward-proxy.ts'
import { responseFailure, connectionFailure, forwardProxyRejection } from './check-advice.ts'
import { failureCode, forwardProxyTargetOf, connectTargetOf, type CheckContext } from './check-network.ts'
import type { StepOutcome } from './check-report.ts'

/** Spaces and quotation marks at the ends: a secret never has them, a careless copy does. */
const CARELESS_COPY = /^[\s"'`]|[\s"'`]$/

export interface CallOptions {
  readonly context: CheckContext
  readonly client: ApiClient
  /** Receives every token before anything about it is printed. */
  readonly masker: Masker
}

/** Makes the calls one after the other; each uses the results of the earlier ones. */
export class AmsuCalls {
  readonly #context: CheckContext
  readonly #client: ApiClient
  readonly #masker: Masker
  readonly #api: TokenApi
  #grant: TokenGrant | undefined
  #refreshToken: Secret | undefined
  #head: ApiResponseHead | undefined
  #skewSeconds: number | undefined

  constructor ({ context, client, masker }: CallOptions) {
    const { config: { token }, clock } = context
    this.#context = context
    this.#client = client
    this.#masker = masker
    this.#api = createTokenApi({ client, clock, ...token, onResponseHead: head => { this.#onResponseHead(head) } })
  }

  /** POST /token. */
  async token (): Promise<StepOutcome> {
    const { credentials } = this.#context.config.amsu
    try {
      return this.#accept(await this.#call(async () => await this.#api.issue(credentials)))
    } catch (error) {
      // An HTML page with status 401 comes from something other than AMSU.
      if (!(error instanceof TokenCallError) || error.kind !== 'rejected' || (this.#head !== undefined && isHtml(this.#head))) return this.#failure(error)
      const isCareless = [credentials.clientId, credentials.clientSecret].some(secret => CARELESS_COPY.test(secret.reveal()))
      return {
        status: 'failed',
        found: `AMSU rejects the credentials (${reasonOf(error)})`,
        cause: isCareless ? 'the ID or the secret begins or ends with a space or a quotation mark' : 'the ID or the secret is wrong, or AMSU has revoked it',
        advice: 'compare AMSU_CLIENT_ID with the app_key and AMSU_CLIENT_SECRET with the app_secret that AMSU issued, or the files that hold them',
        data: { status: this.#head?.status ?? null },
      }
    }
  }

  /** PUT /token or POST /token/refreshment; skipped without a refresh token. */
  async refresh (call: RefreshCall): Promise<StepOutcome> {
    const refreshToken = this.#refreshToken
    if (refreshToken === undefined) return { status: 'not_tried', found: 'AMSU issued no refresh token; the ID and the secret are sent at each renewal' }
    try {
      return this.#accept(await this.#call(async () => await this.#api.refresh(call, refreshToken)))
    } catch (error) {
      if (error instanceof TokenCallError && error.kind === 'rejected') {
        return { status: 'failed', found: `AMSU rejects the refresh token that it has just issued (${reasonOf(error)})`, cause: 'AMSU has a failure', advice: 'tell AMSU if this persists; meanwhile the proxy renews with the ID and the secret', data: { status: this.#head?.status ?? null } }
      }
      if (error instanceof TokenCallError && error.kind === 'method_blocked') {
        return { ...this.#failure(error), cause: 'a firewall on the way blocks this method', advice: 'ask the network administrators to allow PUT to AMSU' }
      }
      return this.#failure(error)
    }
  }

  /** GET /available-times, with the newest token. */
  async availableTimes (): Promise<StepOutcome> {
    const { accessToken, issuedAt, lifeMs } = this.#grant as TokenGrant
    this.#head = undefined
    try {
      const { status, body } = await this.#client.request({
        method: 'GET',
        path: '/amsu-analysis/v2/available-times',
        headers: withAuthorization(['accept', 'application/json', 'accept-encoding', 'identity'], new AccessToken(accessToken, issuedAt, lifeMs)),
        signal: AbortSignal.timeout(this.#context.config.token.requestTimeoutMs),
        onResponseHead: head => { this.#head = head },
      })
      const parsed = parseJson(body)
      const families = status === 200 ? parseAvailableTimes(parsed) : []
      return families.length > 0 ? quotaOutcome(families) : this.#timesFailure(errorCodeOf(parsed))
    } catch (error) {
      return this.#failure(error)
    }
  }

  async #call (call: () => Promise<TokenGrant>): Promise<TokenGrant> {
    this.#head = undefined
    const grant = await call()
    this.#masker.add('access_token', grant.accessToken)
    if (grant.refreshToken !== undefined) this.#masker.add('refresh_token', grant.refreshToken)
    return grant
  }

  #onResponseHead (head: ApiResponseHead): void {
    this.#head = head
    this.#skewSeconds = skewSeconds(head, this.#context.clock.wall()) ?? this.#skewSeconds
  }

  #accept (grant: TokenGrant): StepOutcome {
    // The clock is reported once; with each of three calls it would look like three faults.
    const isFirst = this.#grant === undefined
    this.#grant = grant
    this.#refreshToken = grant.refreshToken ?? this.#refreshToken
    const expiresInSeconds = Math.round(grant.lifeMs / 1000)
    const skew = this.#skewSeconds
    const data = { expiresInSeconds, clockSkewSeconds: skew ?? null, hasRefreshToken: grant.refreshToken !== undefined }
    const found = `a token that expires in ${formatSeconds(expiresInSeconds)}`
    if (!isFirst || skew === undefined || !isOff(skew)) return { status: 'ok', found, data }
    return { status: 'note', found: `${found}; this clock is ${formatSeconds(Math.abs(skew))} ${skew > 0 ? 'ahead of' : 'behind'} the clock of AMSU`, advice: 'set the clock of this machine (`timedatectl`): certificates and the times in the log depend on it', data }
  }

  /** Describes a failure that does not depend on the credentials. */
  #failure (error: unknown): StepOutcome {
    const cause = error instanceof TokenCallError ? error.cause : error
    const { forwardProxy } = this.#context.config.amsu
    if (cause instanceof ForwardProxyError) {
      return cause.status === undefined ? connectionFailure(failureCode(cause.cause), forwardProxyTargetOf(this.#context)) : forwardProxyRejection(cause.status, forwardProxy?.authorization !== undefined)
    }
    const head = this.#head
    if (head === undefined) return connectionFailure(cause === undefined ? 'TimeoutError' : failureCode(cause), connectTargetOf(this.#context))
    const outcome = responseFailure({ status: head.status, isHtml: isHtml(head) }, forwardProxy !== undefined)
    return head.status === 200 && error instanceof TokenCallError ? { ...outcome, found: `${outcome.found}; ${reasonOf(error)}` } : outcome
  }

  #timesFailure (code: string | undefined): StepOutcome {
    const head = this.#head as ApiResponseHead
    const outcome = responseFailure({ status: head.status, isHtml: isHtml(head), code }, this.#context.config.amsu.forwardProxy !== undefined)
    if (isHtml(head) || (head.status !== 401 && head.status !== 403)) return outcome
    return { ...outcome, cause: 'AMSU does not accept its own token for this account', advice: 'ask AMSU whether the account is active; the credentials are right' }
  }
}

/** Describes the quota. An empty quota of all families is a failure, because no analysis can be called. */
function quotaOutcome (families: readonly AvailableTimes[]): StepOutcome {
  const found = families.map(({ family, remaining }) => `${family.replace(/_analysis$/, '')} ${remaining === UNLIMITED ? 'unlimited' : remaining}`).join(', ')
  const empty = emptyFamilies(families)
  const data = { families }
  if (empty.length === 0) return { status: 'ok', found: `left: ${found}`, data }
  return {
    status: empty.length === families.length ? 'failed' : 'note',
    found: `left: ${found}`,
    cause: `the quota of ${empty.join(', ')} is used up`,
    advice: 'ask AMSU for more; calls of these families fail until then',
    data,
  }
}

/** The reason in our own words, or a status and a code: never text of AMSU. */
function reasonOf ({ message, call }: TokenCallError): string {
  return message.replace(`${call}: `, '')
}

function isHtml ({ headers }: ApiResponseHead): boolean {
  return String(headers['content-type']).includes('html')
}

function formatSeconds (seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds % 3600 / 60)]
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`
  return minutes > 0 ? `${minutes} min` : `${seconds} s`
}
