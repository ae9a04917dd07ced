/**
 * Credential rotation: the trial of new credentials. They have a backoff and a call of their own, so that their failures neither delay the
 * renewal with the credentials in use nor count as failures of these. token-source.ts decides when they are tried.
 */
import type { BaseLogger } from 'pino'
import { toCallError, type Credentials, type TokenGrant } from '../amsu/token-api.ts'
import { Backoff } from './backoff.ts'
import { failureKind } from './renewal-policy.ts'
import { areSame, type Renewal, type RenewalOptions } from './renewal.ts'

/** Options and dependencies. */
export interface CredentialRotationOptions extends Pick<RenewalOptions, 'clock'> {
  readonly random: () => number
  readonly log: Pick<BaseLogger, 'info' | 'error'>
  readonly renewal: Renewal
}

/** New credentials: not in use until AMSU has issued a token for them. */
interface Candidate { readonly credentials: Credentials, readonly backoff: Backoff }

/** Owns the new credentials, if there are any. */
export class CredentialRotation {
  readonly #options: CredentialRotationOptions
  #candidate: Candidate | undefined
  /** Aborts the trial in flight. */
  #trial: AbortController | undefined
  #isClosed = false
  #isRejected = false

  constructor (options: CredentialRotationOptions) {
    this.#options = options
  }

  /** Whether AMSU rejected the last new credentials. */
  get isRejected (): boolean {
    return this.#isRejected
  }

  /** Whether there are new credentials, and no trial of them has failed. */
  get isPromising (): boolean {
    return this.#candidate !== undefined && this.#candidate.backoff.failure === undefined
  }

  /** Milliseconds until the next trial; infinite without new credentials. */
  leftMs (): number {
    return this.#candidate?.backoff.leftMs() ?? Infinity
  }

  /**
   * Takes credentials for a trial at once. A trial in flight goes on, and counts if it succeeds.
   *
   * @param areRejected whether AMSU rejected the credentials in use; else these need no trial
   * @returns whether they are tried
   */
  offer (credentials: Credentials, areRejected: boolean): boolean {
    const { clock, random, renewal } = this.#options
    this.#isRejected = false
    // While others are being tried, the credentials in use become the next candidate: they were offered last, so the source must switch
    // back to them if AMSU accepts the others.
    if (renewal.isInUse(credentials) && !areRejected && this.#trial === undefined) {
      this.#candidate = undefined
      return false
    }
    if (this.#candidate !== undefined && areSame(this.#candidate.credentials, credentials)) this.#candidate.backoff.skip()
    else this.#candidate = { credentials, backoff: new Backoff(clock, random) }
    return true
  }

  /** Forgets the new credentials if they are the ones in use. Returns whether they were. */
  dropInUse (): boolean {
    if (this.#candidate === undefined || !this.#options.renewal.isInUse(this.#candidate.credentials)) return false
    this.#candidate = undefined
    return true
  }

  /** Makes a call with the new credentials, and takes them into use if it gets a token. Returns undefined if it does not. */
  async try (): Promise<TokenGrant | undefined> {
    const candidate = this.#candidate
    if (candidate === undefined) return undefined
    this.#trial = new AbortController()
    try {
      const grant = await this.#options.renewal.adopt(candidate.credentials, this.#trial.signal)
      this.#options.log.info('new AMSU credentials are in use')
      if (this.#candidate === candidate) this.#candidate = undefined
      return grant
    } catch (error) {
      this.#fail(candidate, error)
      return undefined
    } finally {
      this.#trial = undefined
    }
  }

  /** Aborts the trial in flight, if there is one; a later one follows. */
  abort (): void {
    this.#trial?.abort()
  }

  /** Starts no further trial, and says nothing of the one that this aborts. */
  close (): void {
    this.#isClosed = true
    this.#candidate = undefined
    this.abort()
  }

  #fail (candidate: Candidate, error: unknown): void {
    if (this.#isClosed) return
    const failure = toCallError('credentials', error)
    const kind = failureKind(failure.kind)
    candidate.backoff.fail(kind, failure.retryAfterMs)
    if (kind === 'rejected' && this.#candidate === candidate) {
      this.#candidate = undefined
      this.#isRejected = true
    }
    this.#options.log.error({ err: failure }, kind === 'rejected' ? 'AMSU rejects the new credentials: correct them, the old ones stay in use' : 'the proxy could not try the new AMSU credentials yet and will try again, the old ones stay in use')
  }
}
