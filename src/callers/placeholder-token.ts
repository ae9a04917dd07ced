/**
 * Placeholder tokens (JWT): the local token endpoint issues them in place of AMSU's. They have the form of AMSU's tokens (a JWT, RFC 7519,
 * signed with HS256, RFC 7518 section 3.2), but AMSU does not accept them.
 *
 * They are stateless. The key is derived from the caller's own secret (HKDF, RFC 5869), so a token survives a restart, is valid on every
 * replica with the same callers, and becomes invalid when that secret changes. Access and refresh tokens have separate keys, so that
 * neither is accepted as the other.
 */
import { hkdfSync, randomBytes } from 'node:crypto'
import { decodeJwt, errors, jwtVerify, SignJWT } from 'jose'
import type { Caller } from './caller-list.ts'

/** Lifetime of an access token, as in AMSU's sample response. */
export const ACCESS_LIFE_SECONDS = 86_400

/** Lifetime of a refresh token: 30 days, as at AMSU. */
export const REFRESH_LIFE_SECONDS = 2_592_000

/** The only accepted algorithm, whatever a token's header says (RFC 8725 section 3.1). */
const ALGORITHM = 'HS256'

/** AMSU's tokens have no issuer; this one distinguishes ours. */
const ISSUER = 'amsu-proxy'

/** Salt of the key derivation: fixed, because every replica must get the same key. Changing it invalidates all placeholder tokens. */
const SALT = 'amsu-proxy placeholder token v1'

/** 256 bits, as long as the hash (RFC 7518 section 3.2). */
const KEY_BYTES = 32

/** Subject prefixes, as in AMSU's tokens. */
const SUBJECTS = { access: 'app_key:', refresh: 'refresh:app_key:' } as const

/** No placeholder token is longer: a name has at most 64 characters. */
const MAX_TOKEN_LENGTH = 512

/** Header, claims, signature (RFC 7515 section 7.1). */
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** The two kinds of tokens. */
export type TokenKind = keyof typeof SUBJECTS

/** Keys of one caller. */
export type PlaceholderKeys = Readonly<Record<TokenKind, Uint8Array>>

/** The response body of AMSU's token endpoints, in exactly this form. */
export interface PlaceholderGrant {
  readonly access_token: string
  readonly token_type: 'bearer'
  /** In seconds. */
  readonly expires_in: number
  readonly refresh_token: string
}

/** The claims of a valid token. */
export interface VerifiedToken {
  /** The caller. */
  readonly name: string
  /** Wall clock. */
  readonly expiresAtMs: number
}

/** Derives the keys of a caller. The name is included, so that two callers with the same secret have different tokens. */
export function deriveKeys ({ name, secret }: Caller): PlaceholderKeys {
  const derive = (kind: TokenKind): Uint8Array => new Uint8Array(hkdfSync('sha256', secret.reveal(), SALT, `${kind}:${name}`, KEY_BYTES))
  return { access: derive('access'), refresh: derive('refresh') }
}

/** Random keys: to sign tokens that are never verified, and to verify tokens of unknown callers. */
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

/** Whether `token` has the form of a placeholder token; verification is expensive. */
export function isTokenShaped (token: string): boolean {
  return token.length <= MAX_TOKEN_LENGTH && SHAPE.test(token)
}

/**
 * Verifies a token.
 *
 * @param keysOf the keys of a caller; for an unknown one it must return keys too, so that the verification takes equally long
 * @param nowMs wall clock
 * @returns undefined if the token is invalid; the reason is not revealed
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
