/**
 * Placeholder tokens: what the local token endpoint hands out in place of AMSU's. They look like AMSU's (a JWT, RFC 7519, signed
 * with HS256, RFC 7518 section 3.2) and are worthless there.
 *
 * Nothing about them is stored. The key is derived from the caller's own secret (HKDF, RFC 5869), so a token survives a restart,
 * is known to every replica that has the same callers, and dies when that secret changes. Access and refresh tokens have keys of
 * their own, so that neither passes for the other.
 */
import { hkdfSync, randomBytes } from 'node:crypto'
import { decodeJwt, errors, jwtVerify, SignJWT } from 'jose'
import type { Caller } from './caller-list.ts'

/** Life of an access token: what AMSU's sample answer says. */
export const ACCESS_LIFE_SECONDS = 86_400

/** Life of a refresh token: 30 days, as at AMSU. */
export const REFRESH_LIFE_SECONDS = 2_592_000

/** The only algorithm there is; whatever a token says of itself is not asked (RFC 8725 section 3.1). */
const ALGORITHM = 'HS256'

/** AMSU's tokens have no issuer; with one, nobody takes ours for theirs. */
const ISSUER = 'amsu-proxy'

/** Salt of the key derivation: fixed, because every replica must get the same key. A change of it ends all placeholder tokens. */
const SALT = 'amsu-proxy placeholder token v1'

/** 256 bits, as long as the hash (RFC 7518 section 3.2). */
const KEY_BYTES = 32

/** The subjects as in AMSU's tokens. */
const SUBJECTS = { access: 'app_key:', refresh: 'refresh:app_key:' } as const

/** No token of ours is longer: a name has at most 64 characters. */
const MAX_TOKEN_LENGTH = 512

/** Header, claims, signature (RFC 7515 section 7.1). */
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** What a token is for. */
export type TokenKind = keyof typeof SUBJECTS

/** Keys of one caller. */
export type PlaceholderKeys = Readonly<Record<TokenKind, Uint8Array>>

/** The answer of AMSU's token endpoints, in exactly this shape. */
export interface PlaceholderGrant {
  readonly access_token: string
  readonly token_type: 'bearer'
  /** In seconds. */
  readonly expires_in: number
  readonly refresh_token: string
}

/** What a token that holds says. */
export interface VerifiedToken {
  /** The caller. */
  readonly name: string
  /** Wall clock. */
  readonly expiresAtMs: number
}

/** Derives the keys of a caller. The name is part of it: two callers with one secret have different tokens. */
export function deriveKeys ({ name, secret }: Caller): PlaceholderKeys {
  const derive = (kind: TokenKind): Uint8Array => new Uint8Array(hkdfSync('sha256', secret.reveal(), SALT, `${kind}:${name}`, KEY_BYTES))
  return { access: derive('access'), refresh: derive('refresh') }
}

/** Keys nobody else has: for tokens that are never checked, and to check those of nobody. */
export function randomKeys (): PlaceholderKeys {
  return { access: randomBytes(KEY_BYTES), refresh: randomBytes(KEY_BYTES) }
}

/**
 * Issues a pair of tokens.
 *
 * @param nowMs wall clock
 */
export async function issueTokens (name: string, keys: PlaceholderKeys, nowMs: number): Promise<PlaceholderGrant> {
  const sign = async (kind: TokenKind, lifeSeconds: number): Promise<string> =>
    await new SignJWT({ sub: SUBJECTS[kind] + name, iss: ISSUER, exp: Math.floor(nowMs / 1000) + lifeSeconds })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
      .sign(keys[kind])
  const [access, refresh] = await Promise.all([sign('access', ACCESS_LIFE_SECONDS), sign('refresh', REFRESH_LIFE_SECONDS)])
  return { access_token: access, token_type: 'bearer', expires_in: ACCESS_LIFE_SECONDS, refresh_token: refresh }
}

/** Whether it is worth the cost to verify `token`. */
export function isTokenShaped (token: string): boolean {
  return token.length <= MAX_TOKEN_LENGTH && SHAPE.test(token)
}

/**
 * Verifies a token.
 *
 * @param keysOf the keys of a caller; for an unknown one it must return some too, so that the answer takes as long
 * @param nowMs wall clock
 * @returns undefined for whatever does not hold: the reason is nobody's business
 */
export async function verifyToken (kind: TokenKind, token: string, keysOf: (name: string) => PlaceholderKeys, nowMs: number): Promise<VerifiedToken | undefined> {
  if (!isTokenShaped(token)) return undefined
  try {
    const { sub: claimed } = decodeJwt(token)
    const name = typeof claimed === 'string' && claimed.startsWith(SUBJECTS[kind]) ? claimed.slice(SUBJECTS[kind].length) : ''
    const { payload } = await jwtVerify<{ exp: number }>(token, keysOf(name)[kind], {
      algorithms: [ALGORITHM],
      typ: 'JWT',
      issuer: ISSUER,
      subject: SUBJECTS[kind] + name,
      requiredClaims: ['exp'],
      currentDate: new Date(nowMs),
    })
    return { name, expiresAtMs: payload.exp * 1000 }
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined
    throw error
  }
}
