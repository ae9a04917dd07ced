/**
 * A mistyped setting is silent by nature: the program runs with the default. These names are answered with the nearest known one.
 */
import { distance } from 'fastest-levenshtein'
import { settings } from './settings.ts'

/** Every name under this prefix is meant for this program. */
const PREFIX = 'AMSU_'

/** One sentence for each given name that starts with `AMSU_` and is no setting. */
export function unknownNames (given: readonly string[]): string[] {
  return given
    .filter(name => name.startsWith(PREFIX) && !Object.hasOwn(settings, name))
    .map(name => `${name} is not a setting; did you mean ${nearestName(name, Object.keys(settings))}?`)
}

/** The candidate with the fewest edits to `name`; the first of several. `candidates` is not empty. */
export function nearestName (name: string, candidates: readonly string[]): string {
  return candidates.reduce((best, candidate) => distance(name, candidate) < distance(name, best) ? candidate : best)
}
