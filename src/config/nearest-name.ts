/**
 * Suggests the nearest known setting for an unknown name. Without a warning, a mistyped setting would go unnoticed, because the
 * program would run with the default.
 */
import { settings } from './settings.ts'

/** A name with this prefix is meant for this program. */
const PREFIX = 'AMSU_'

/** The usual form of a variable's name: with an underscore, or short. */
const NAME_LIKE = /^(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{1,16})$/

/** Returns one sentence for each given name that starts with `AMSU_` and is not a setting. */
export function unknownNames (given: readonly string[]): string[] {
  return given
    .filter(name => name.startsWith(PREFIX) && !Object.hasOwn(settings, name))
    .map(name => `${name} is not a setting; did you mean ${nearestName(name, Object.keys(settings))}?`)
}

/**
 * Returns one sentence for each name of a file that is not a setting, because everything in the file is meant for this program. A name
 * is repeated only if it looks like a name, because a secret on a line of its own may end with `=`.
 */
export function unknownNamesInFile (path: string, lineOf: ReadonlyMap<string, number>): string[] {
  return [...lineOf]
    .filter(([name]) => !Object.hasOwn(settings, name))
    .map(([name, line]) => `${path} line ${line}: ${NAME_LIKE.test(name) ? name : 'this'} is not a setting; did you mean ${nearestName(name.toUpperCase(), Object.keys(settings))}?`)
}

/** Returns the candidate with the smallest edit distance to `name`, the first of several. `candidates` is not empty. */
export function nearestName (name: string, candidates: readonly string[]): string {
  return candidates.reduce((best, candidate) => editDistance(name, candidate) < editDistance(name, best) ? candidate : best)
}

/** Levenshtein distance: how many characters must be inserted, removed or replaced to turn `a` into `b`. */
function editDistance (a: string, b: string): number {
  // Distances from the processed prefix of `a` to each prefix of `b`.
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
