/**
 * What AMSU's `GET /amsu-analysis/v2/available-times` says: how many calls are left, family by family (its page on available times).
 */

/** How AMSU names a family of calls; nothing else becomes a label or a line on a screen. */
const FAMILY = /^[a-z][a-z0-9_]{0,39}_analysis$/

/** AMSU has four families; an answer with many more is not this answer. */
const MAX_FAMILIES = 16

/** What AMSU says for a family without a limit. */
export const UNLIMITED = -1

/** What is left of one family. */
export interface AvailableTimes {
  /** AMSU's own name, e.g. `hrv_analysis`. */
  readonly family: string
  /** Calls left; {@link UNLIMITED} for a family without a limit. */
  readonly remaining: number
}

/**
 * Reads the answer, in the order in which AMSU gives it. What is no family or no count is left out.
 *
 * @param body the answer as parsed from JSON; anything
 * @returns empty for what is not this answer
 */
export function parseAvailableTimes (body: unknown): readonly AvailableTimes[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return []
  const times = Object.entries(body)
    .filter((entry): entry is [string, number] => FAMILY.test(entry[0]) && Number.isSafeInteger(entry[1]) && entry[1] >= UNLIMITED)
    .map(([family, remaining]) => ({ family, remaining }))
  return times.length > MAX_FAMILIES ? [] : times
}

/** The families of which nothing is left. */
export function emptyFamilies (families: readonly AvailableTimes[]): string[] {
  return families.filter(({ remaining }) => remaining === 0).map(({ family }) => family)
}
