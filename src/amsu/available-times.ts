/**
 * Parses the quota response of AMSU's `GET /amsu-analysis/v2/available-times`: the remaining calls per family (AMSU's page on available
 * times).
 */

/** Valid name of a family of calls. Other names are never used as a metric label or shown. */
const FAMILY = /^[a-z][a-z0-9_]{0,39}_analysis$/

/** AMSU has four families; a response with many more is not a quota response. */
const MAX_FAMILIES = 16

/** AMSU's value for a family without a limit. */
export const UNLIMITED = -1

/** The remaining calls of one family. */
export interface AvailableTimes {
  /** AMSU's own name, e.g. `hrv_analysis`. */
  readonly family: string
  /** Remaining calls; {@link UNLIMITED} for a family without a limit. */
  readonly remaining: number
}

/**
 * Parses the response in AMSU's order. Entries that are not a family with a count are skipped.
 *
 * @param body the response body as parsed from JSON; any value
 * @returns an empty list if the body is not a quota response
 */
export function parseAvailableTimes (body: unknown): readonly AvailableTimes[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return []
  const times = Object.entries(body)
    .filter((entry): entry is [string, number] => FAMILY.test(entry[0]) && Number.isSafeInteger(entry[1]) && entry[1] >= UNLIMITED)
    .map(([family, remaining]) => ({ family, remaining }))
  return times.length > MAX_FAMILIES ? [] : times
}

/** The families without remaining calls. */
export function emptyFamilies (families: readonly AvailableTimes[]): string[] {
  return families.filter(({ remaining }) => remaining === 0).map(({ family }) => family)
}
