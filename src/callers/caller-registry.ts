/**
 * Who may call, and who a request is from. Secrets are compared as keyed digests of equal length, in constant time, and as often
 * for a stranger as for a caller; a name is found out by trying, never by how long it takes.
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

/** Subject of the tokens of open access, where nobody has a name. */
const ANONYMOUS = 'anyone'

/** A caller's name, at once where it can be told at once; undefined is nobody. */
export type CallerIdentity = string | undefined | Promise<string | undefined>

/** Knows the callers. */
export interface CallerRegistry {
  /** No callers are set: everyone may call, and nobody has a name. */
  readonly isOpen: boolean
  /** How many verified tokens are kept at the moment. */
  readonly cachedTokens: number
  /**
   * The name of the caller who sent this `Authorization` (`Basic name:secret`, `Bearer <placeholder token>` or `Bearer <secret>`),
   * or undefined if it is nobody's. A promise only for a placeholder token that was not seen lately. Never throws.
   */
  identify: (authorization: string | undefined) => CallerIdentity
  /** Whether `secret` is the one of the caller `name`. */
  checkCredentials: (name: string, secret: string) => boolean
  /** Placeholder tokens for id and secret; undefined if they are nobody's. */
  grant: (name: string, secret: string) => Promise<PlaceholderGrant | undefined>
  /** Placeholder tokens for a refresh token; undefined if it does not hold. */
  renew: (refreshToken: string) => Promise<PlaceholderGrant | undefined>
  /** Knows these callers from now on and no others. Open access ends with it: it never comes back by a change of a file. */
  replace: (callers: readonly Caller[]) => void
}

export interface CallerRegistryOptions {
  /** Compares two digests of the same length in constant time. @default timingSafeEqual */
  readonly isEqual?: (a: Uint8Array, b: Uint8Array) => boolean
}

/** What is known of one caller. */
interface CallerEntry {
  readonly digest: Uint8Array
  readonly keys: PlaceholderKeys
}

/** The callers of one time, with the tokens verified against them. */
interface CallerTable {
  readonly entries: ReadonlyMap<string, CallerEntry>
  readonly verified: VerifiedTokens
}

/**
 * Creates the registry.
 *
 * @param callers undefined for open access; an empty list lets nobody in
 */
export function createCallerRegistry (callers: readonly Caller[] | undefined, clock: Clock, options: CallerRegistryOptions = {}): CallerRegistry {
  return new Registry(callers, clock, options.isEqual ?? timingSafeEqual)
}

/**
 * The caller of a request.
 *
 * @returns undefined in open access only
 * @throws {ProxyError} CALLER_UNAUTHENTICATED, at once or by the promise
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
  /** Prefix of what is digested: without it nobody can find out a digest's neighbours by trying. */
  readonly #digestKey = randomBytes(32).toString('base64')
  /** Stands in for whoever is unknown, so that the same work is done. Nothing is ever signed with its keys. */
  readonly #unknownCaller: CallerEntry = { digest: randomBytes(DIGEST_LENGTH), keys: randomKeys() }
  /** Sign the tokens of open access, which are never verified. */
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

  async renew (refreshToken: string): Promise<PlaceholderGrant | undefined> {
    if (this.#isOpen) return await this.#issue(ANONYMOUS, this.#openKeys)
    // The keys of this moment: a token that dies while it is verified must not be renewed with those of the next secret.
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
    return this.#verify('access', token).then(holding => {
      // If the callers were replaced meanwhile, this is where nobody looks any more.
      if (holding !== undefined) verified.add(digest, holding)
      return holding?.name
    })
  }

  /** Whose secret this is: all are compared, the first one that fits counts. */
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

  /** Base64 as the text a map is asked for; one-shot hashing takes half the time of a `Hash` object. */
  #digest (text: string): string {
    return hash('sha256', this.#digestKey + text, 'base64')
  }
}

function bytesOf (digest: string): Uint8Array {
  return Buffer.from(digest, 'latin1')
}
