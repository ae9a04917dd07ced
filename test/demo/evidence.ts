/** The search for secrets where none may be. */
import { setImmediate } from 'node:timers/promises'

/** What was searched and what was found. */
export interface Search {
  bytes: number
  /** `<name of the secret> in <name of the place>`, never a value. */
  found: string[]
}

/**
 * Searches bytes for secrets, as they are and in the usual disguises, and lets others run between two places.
 *
 * @param places name and bytes; the bytes of one place may come in several pieces, and a secret may lie across them
 * @param secrets names by value
 */
export async function searchSecrets (places: Iterable<readonly [string, readonly Buffer[]]>, secrets: ReadonlyMap<string, string>): Promise<Search> {
  let bytes = 0
  const found = new Set<string>()
  for (const [place, pieces] of places) {
    await setImmediate()
    const whole = Buffer.concat(pieces)
    bytes += whole.length
    for (const [secret, name] of secrets) {
      if (disguises(secret).some(form => whole.includes(form))) found.add(`${name} in ${place}`)
    }
  }
  return { bytes, found: [...found] }
}

/** The signature of a JWT is looked for by itself: it is what makes the token worth something. */
function disguises (secret: string): string[] {
  const bytes = Buffer.from(secret)
  const signature = secret.split('.')[2] ?? secret
  const forms = [secret, signature, encodeURIComponent(secret), bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')]
  return [...new Set(forms)]
}
