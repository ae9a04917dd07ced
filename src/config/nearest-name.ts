/**
 * A mistyped setting is silent by nature: the program runs with the default. These names are answered with the nearest known one.
 */
import { settings } from './settings.ts'

/** Every name under this prefix is meant for this program. */
const PREFIX = 'AMSU_'

/** How programs name their variables; with an underscore, or short. */
const NAME_LIKE = /^(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{1,16})$/

/** One sentence for each given name that starts with `AMSU_` and is no setting. */
export function unknownNames (given: readonly string[]): string[] {
  return given
    .filter(name => name.startsWith(PREFIX) && !Object.hasOwn(settings, name))
    .map(name => `${name} is not a setting; did you mean ${nearestName(name, Object.keys(settings))}?`)
}

/**
 * One sentence for each name of a file that is no setting: what stands there is meant for this program. A name is repeated only if it
 * looks like one, because a secret on a line of its own may end with `=`.
 */
export function unknownNamesInFile (path: string, lineOf: ReadonlyMap<string, number>): string[] {
  return [...lineOf]
    .filter(([name]) => !Object.hasOwn(settings, name))
    .map(([name, line]) => `${path} line ${line}: ${NAME_LIKE.test(name) ? name : 'this'} is not a setting; did you mean ${nearestName(name.toUpperCase(), Object.keys(settings))}?`)
}

/** The candidate with the fewest edits to `name`; the first of several. `candidates` is not empty. */
export function nearestName (name: string, candidates: readonly string[]): string {
  return candidates.reduce((best, candidate) => editDistance(name, candidate) < editDistance(name, best) ? candidate : best)
}

/** Levenshtein distance: how many characters must be inserted, removed or replaced to make `b` of `a`. */
function editDistance (a: string, b: string): number {
  // Distances from the part of `a` seen so far to each beginning of `b`.
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
