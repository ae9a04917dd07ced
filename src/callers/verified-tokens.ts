/**
 * Cache (LRU) of verified placeholder tokens. Verifying one takes as long as the rest of a relayed request; a lookup here takes a
 * hundredth of that. Only valid tokens are kept, so nobody without a secret can add entries.
 */
import type { VerifiedToken } from './placeholder-token.ts'

/** Limit of entries. A caller has one or two tokens at a time. */
export const MAX_KEPT = 1_000

/** A bounded map from a token's digest to its claims; the least recently used entry is removed first. */
export class VerifiedTokens {
  // A Map iterates in the order of insertion; each hit is inserted again.
  readonly #byDigest = new Map<string, VerifiedToken>()

  /** Number of entries. */
  get size (): number {
    return this.#byDigest.size
  }

  /** The caller of a token that was verified before and has not expired. */
  find (digest: string, nowMs: number): string | undefined {
    const token = this.#byDigest.get(digest)
    if (token === undefined) return undefined
    this.#byDigest.delete(digest)
    if (nowMs >= token.expiresAtMs) return undefined
    this.#byDigest.set(digest, token)
    return token.name
  }

  /** Adds a valid token. */
  add (digest: string, token: VerifiedToken): void {
    this.#byDigest.delete(digest)
    this.#byDigest.set(digest, token)
    if (this.#byDigest.size > MAX_KEPT) this.#byDigest.delete(this.#byDigest.keys().next().value as string)
  }
}
