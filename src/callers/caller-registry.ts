/**
 * Caller authentication, resistant to timing attacks. Secrets are compared as keyed digests of equal length, in constant time, and equally
 * often for known and unknown callers, so that response times do not reveal names.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { parseAuthorization } from './authorization.ts'
import type { Caller } from './caller-list.ts'
import { deriveKeys, issueTokens, isTokenShaped, randomKeys, verifyToken, type PlaceholderKeys, type PlaceholderGrant, type TokenKind, type VerifiedToken } from './placeholder-token.ts'
import { VerifiedTokens } from './verified-tokens.ts'

/** Characters of a SHA-256 in base64. */
const DIGEST_LENGTH = 44

/** Subject of tokens in open access, where callers have no name. */
const ANONYMOUS = 'anyone'

/** A caller's name, or a promise of it while a token is being verified; undefined for an unknown caller. */
export type CallerIdentity = string | undefined | Promise<string | undefined>

/** The registry of callers. */
export interface CallerRegistry {
  /** Open access: no callers are set, everybody may call, and callers have no name. */
  readonly isOpen: boolean
  /** Number of cached verified tokens. */
  readonly cachedTokens: number
  /**
   * The name of the caller who sent this `Authorization` (`Basic name:secret`, `Bearer <placeholder token>` or `Bearer <secret>`),
   * or undefined if it is invalid. Returns a promise only for a placeholder token that is not cached. Never throws.
   */
  identify: (authorization: string | undefined) => CallerIdentity
  /** Whether `secret` is the secret of the caller `name`. */
  checkCredentials: (name: string, secret: string) => boolean
  /** Issues placeholder tokens for a name and secret; undefined if they are invalid. */
  grant: (name: string, secret: string) => Promise<PlaceholderGrant | undefined>
  /** Issues placeholder tokens for a refresh token; undefined if it is invalid. */
  refresh: (refreshToken: string) => Promise<PlaceholderGrant | undefined>
  /** Replaces all callers. It also ends open access, which no change of a file can restore. */
  replace: (callers: readonly Caller[]) => void
}

export interface CallerRegistryOptions {
  /** Compares two digests of the same length in constant time. @default timingSafeEqual */
  readonly isEqual?: (a: Uint8Array, b: Uint8Array) => boolean
}

/** Secret digest and keys of one caller. */
interface CallerEntry {
  readonly digest: Uint8Array
  readonly keys: PlaceholderKeys
}

/** One version of the callers, with the tokens verified against it. */
interface CallerTable {
  readonly entries: ReadonlyMap<string, CallerEntry>
  readonly verified: VerifiedTokens
}

/**
 * Creates the registry.
 *
 * @param callers undefined for open access; an empty list rejects everybody
 */
export function createCallerRegistry (callers: readonly Caller[] | undefined, clock: Clock, options: CallerRegistryOptions = {}): CallerRegistry {
  return new Registry(callers, clock, options.isEqual ?? timingSafeEqual)
}

/**
 * The caller of a request.
 *
 * @returns undefined in open access only
 * @throws {ProxyError} CALLER_UNAUTHENTICATED, synchronously or by rejecting the promise
 */
export function authenticate (registry: CallerRegistry, authorization: string | undefined): CallerIdentity {
  if (registry.isOpen) return undefined
  const name = registry.identify(authorization)
  return name instanceof Promise ? name.then(known) : known(name)
}

function known (name: string | undefined): string {
  if (name === undefined) throw new ProxyError('CALLER_UNAUTHENTICATED')
  return name
}

class Registry implements CallerRegistry {
  readonly #clock: Clock
  readonly #isEqual: (a: Uint8Array, b: Uint8Array) => boolean
  /** Secret prefix of digested text: without it, an attacker could choose inputs with similar digests. */
  readonly #digestKey = randomBytes(32).toString('base64')
  /** Used for unknown names, so that the work and the time are the same. Its keys never sign anything. */
  readonly #unknownCaller: CallerEntry = { digest: randomBytes(DIGEST_LENGTH), keys: randomKeys() }
  /** Keys for the tokens of open access, which are never verified. */
  readonly #openKeys = randomKeys()
  #isOpen: boolean
  #table: CallerTable

  constructor (callers: readonly Caller[] | undefined, clock: Clock, isEqual: (a: Uint8Array, b: Uint8Array) => boolean) {
    this.#clock = clock
    this.#isEqual = isEqual
    this.#isOpen = callers === undefined
    this.#table = this.#createTable(callers ?? [])
  }

  get isOpen (): boolean {
    return this.#isOpen
  }

  get cachedTokens (): number {
    return this.#table.verified.size
  }

  identify (authorization: string | undefined): CallerIdentity {
    const credentials = parseAuthorization(authorization)
    if (credentials === undefined) return undefined
    if (credentials.scheme === 'bearer') return this.#identifyBearer(credentials.token)
    return this.checkCredentials(credentials.name, credentials.secret) ? credentials.name : undefined
  }

  checkCredentials (name: string, secret: string): boolean {
    return this.#isEqual(this.#entryOf(name).digest, bytesOf(this.#digest(secret)))
  }

  async grant (name: string, secret: string): Promise<PlaceholderGrant | undefined> {
    if (this.#isOpen) return await this.#issue(ANONYMOUS, this.#openKeys)
    return this.checkCredentials(name, secret) ? await this.#issue(name, this.#entryOf(name).keys) : undefined
  }

  async refresh (refreshToken: string): Promise<PlaceholderGrant | undefined> {
    if (this.#isOpen) return await this.#issue(ANONYMOUS, this.#openKeys)
    // The keys of the current table: a token that becomes invalid during verification must not be refreshed with the next secret's keys.
    const { entries } = this.#table
    const { name = '' } = await this.#verify('refresh', refreshToken) ?? {}
    const entry = entries.get(name)
    return entry === undefined ? undefined : await this.#issue(name, entry.keys)
  }

  replace (callers: readonly Caller[]): void {
    this.#table = this.#createTable(callers)
    this.#isOpen = false
  }

  #identifyBearer (token: string): CallerIdentity {
    const { verified } = this.#table
    const isToken = isTokenShaped(token)
    const digest = this.#digest(token)
    const name = (isToken ? verified.find(digest, this.#clock.wall()) : undefined) ?? this.#ownerOf(bytesOf(digest))
    if (name !== undefined || !isToken) return name
    return this.#verify('access', token).then(valid => {
      // If the callers were replaced meanwhile, this is the cache of the old table, which is no longer used.
      if (valid !== undefined) verified.add(digest, valid)
      return valid?.name
    })
  }

  /** The caller with this secret. It compares all of them, and the first match counts. */
  #ownerOf (digest: Uint8Array): string | undefined {
    let owner: string | undefined
    for (const [name, entry] of this.#table.entries) {
      if (this.#isEqual(entry.digest, digest)) owner ??= name
    }
    return owner
  }

  async #verify (kind: TokenKind, token: string): Promise<VerifiedToken | undefined> {
    return await verifyToken(kind, token, name => this.#entryOf(name).keys, this.#clock.wall())
  }

  async #issue (name: string, keys: PlaceholderKeys): Promise<PlaceholderGrant> {
    return await issueTokens(name, keys, this.#clock.wall())
  }

  #entryOf (name: string): CallerEntry {
    return this.#table.entries.get(name) ?? this.#unknownCaller
  }

  #createTable (callers: readonly Caller[]): CallerTable {
    const entries = callers.map(caller => [caller.name, { digest: bytesOf(this.#digest(caller.secret.reveal())), keys: deriveKeys(caller) }] as const)
    return { entries: new Map(entries), verified: new VerifiedTokens() }
  }

  /** Base64, to be used as a key of a map. One-shot hashing takes half the time of a `Hash` object. */
  #digest (text: string): string {
    return hash('sha256', this.#digestKey + text, 'base64')
  }
}

function bytesOf (digest: string): Uint8Array {
  return Buffer.from(digest, 'latin1')
}
