/**
 * The tokens that were verified lately. Verifying one takes as long as the rest of a relayed request; finding it here takes a
 * hundredth of that. Only tokens that hold are kept, so nobody without a secret can put anything in.
 */
import type { VerifiedToken } from './placeholder-token.ts'

/** How many are kept. A caller has one or two at a time. */
export const MAX_KEPT = 1_000

/** A bounded map from a token's digest to what the token says; the one not seen for longest goes first. */
export class VerifiedTokens {
  // A Map iterates in the order of insertion; each hit is inserted anew.
  readonly #byDigest = new Map<string, VerifiedToken>()

  /** How many are kept now. */
  get size (): number {
    return this.#byDigest.size
  }

  /** The caller of a token that was verified before and has not expired since. */
  find (digest: string, nowMs: number): string | undefined {
    const token = this.#byDigest.get(digest)
    if (token === undefined) return undefined
    this.#byDigest.delete(digest)
    if (nowMs >= token.expiresAtMs) return undefined
    this.#byDigest.set(digest, token)
    return token.name
  }

  /** Keeps a token that holds. */
  add (digest: string, token: VerifiedToken): void {
    this.#byDigest.delete(digest)
    this.#byDigest.set(digest, token)
    if (this.#byDigest.size > MAX_KEPT) this.#byDigest.delete(this.#byDigest.keys().next().value as string)
  }
}
