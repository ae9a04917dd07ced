/** Issues and checks the tokens of the AMSU API: JWTs of exactly the two claims that the vendor's samples have. */
import { createHash, randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'

/** What a token that was sent turned out to be. `missing`: no `Bearer <token>` at all. */
export type TokenState = 'valid' | 'expired' | 'revoked' | 'unknown' | 'missing'

/** The response of all three token calls. */
export interface TokenResponse {
  access_token: string
  token_type: 'bearer'
  /** Life of the access token in seconds. */
  expires_in: number
  refresh_token: string
}

/** How long a pair of tokens lives. */
export interface TokenLives {
  accessSeconds: number
  refreshSeconds: number
}

/** All tokens of one simulator. Tokens of an earlier one are unknown to it. */
export interface TokenRegister {
  issue: (lives: TokenLives) => Promise<TokenResponse>
  check: (kind: 'access' | 'refresh', token: string | undefined) => TokenState
  revoke: (token: string) => void
  revokeAll: () => void
  /** Pairs issued so far. */
  readonly issueCount: number
}

interface Issued {
  kind: 'access' | 'refresh'
  /** Wall clock in milliseconds. */
  expiresAt: number
  isRevoked: boolean
}

/**
 * Returns an empty register.
 *
 * Two tokens of the same second have the same claims, and HS256 would make them equal. As the vendor's tokens have no third claim,
 * each is signed with a key of its own instead; the register knows a token by its text and needs no key to check it.
 */
export function createTokenRegister (clientId: string, wall: () => number): TokenRegister {
  const issued = new Map<string, Issued>()
  const appKey = createHash('sha256').update(clientId).digest('hex').slice(0, 20)
  let issueCount = 0

  async function sign (kind: Issued['kind'], lifeSeconds: number): Promise<string> {
    // `expires_in` is kept to the millisecond, so that a life of one second is one; the claim can only say whole seconds.
    const expiresAt = wall() + lifeSeconds * 1000
    const subject = kind === 'access' ? `app_key:${appKey}` : `refresh:app_key:${appKey}`
    const token = await new SignJWT({ sub: subject, exp: Math.floor(expiresAt / 1000) })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .sign(randomBytes(32))
    issued.set(token, { kind, expiresAt, isRevoked: false })
    return token
  }

  return {
    async issue ({ accessSeconds, refreshSeconds }) {
      issueCount++
      const [access, refresh] = await Promise.all([sign('access', accessSeconds), sign('refresh', refreshSeconds)])
      return { access_token: access, token_type: 'bearer', expires_in: Math.floor(accessSeconds), refresh_token: refresh }
    },
    check (kind, token) {
      if (token === undefined) return 'missing'
      const known = issued.get(token)
      if (known?.kind !== kind) return 'unknown'
      if (known.isRevoked) return 'revoked'
      return wall() < known.expiresAt ? 'valid' : 'expired'
    },
    revoke (token) {
      const known = issued.get(token)
      if (known) known.isRevoked = true
    },
    revokeAll () {
      for (const known of issued.values()) known.isRevoked = true
    },
    get issueCount () { return issueCount },
  }
}
