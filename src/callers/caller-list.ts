/**
 * Parses `CALLERS` and `CALLERS_FILE`: `name:secret` entries, comma-separated in the setting, one per line in the file. A problem is
 * reported by its position. Names and secrets are never repeated, because they may have been swapped.
 */
import { Secret } from '../secrets/secret.ts'

/** Valid name: no colon, which ends it (RFC 7617 section 2), and no character that a log line or a metric label must escape. */
const NAME = /^(?:(?![:,"'`\\])[\x21-\x7e]){1,64}$/

/** Valid secret: characters that every client encodes alike, in a header and in a form (RFC 7617 section 2 forbids control characters). */
const SECRET = /^[\x21-\x7e]+$/

/** A shorter secret may be guessed: 16 hexadecimal digits are 64 bits, and 32 digits are recommended. */
const MIN_SECRET_LENGTH = 16

/** Whitespace around an entry. A no-break space does not count as such: it is reported as an error. */
const BLANKS_AROUND = /^[ \t\r\n]+|[ \t\r\n]+$/g

/** A caller: its name and its secret. */
export interface Caller {
  readonly name: string
  readonly secret: Secret
}

/** All callers, or all problems as complete sentences that name the setting and the position. */
export type CallerList =
  | { readonly callers: readonly Caller[] }
  | { readonly problems: readonly string[] }

/** The text of an entry and its position in words. */
interface Entry {
  readonly text: string
  readonly position: string
}

/** Parses the value of `CALLERS`. A secret with a comma is possible only in the file. */
export function parseCallers (text: string): CallerList {
  if (trim(text) === '') return listOf([], 'CALLERS')
  return listOf(text.split(',').map((entry, i) => ({ text: trim(entry), position: `CALLERS entry ${i + 1}` })), 'CALLERS')
}

/** Parses the text of a callers file. Blank lines and lines that start with `#` are skipped; any line ending and a byte order mark are accepted. */
export function parseCallersFile (text: string): CallerList {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  const entries = lines.map((line, i) => ({ text: trim(line), position: `CALLERS_FILE line ${i + 1}` }))
  return listOf(entries.filter(entry => entry.text !== '' && !entry.text.startsWith('#')), 'CALLERS_FILE')
}

/** Warnings for the log about secrets that are too short. They give the number of callers, not their names. */
export function weakSecretWarnings (callers: readonly Caller[]): string[] {
  const weak = callers.filter(({ secret }) => secret.reveal().length < MIN_SECRET_LENGTH).length
  return weak === 0 ? [] : [`${weak} of ${callers.length} callers have a secret of less than ${MIN_SECRET_LENGTH} characters, which may be guessed; openssl rand -hex 16 makes a good one`]
}

function trim (text: string): string {
  return text.replaceAll(BLANKS_AROUND, '')
}

/** Two callers may have the same secret; a Bearer secret, which has no name, then identifies the first one. */
function listOf (entries: readonly Entry[], setting: string): CallerList {
  if (entries.length === 0) return { problems: [`${setting} names no caller`] }
  const callers: Caller[] = []
  const problems: string[] = []
  const positionOfName = new Map<string, string>()
  for (const { text, position } of entries) {
    const colonAt = text.indexOf(':')
    const name = text.slice(0, colonAt)
    const problem = problemOf(text, colonAt, positionOfName.get(name))
    if (problem !== undefined) {
      problems.push(`${position} ${problem}`)
      continue
    }
    positionOfName.set(name, position)
    callers.push({ name, secret: new Secret(text.slice(colonAt + 1)) })
  }
  return problems.length > 0 ? { problems } : { callers }
}

/** The end of a sentence that starts with the entry's position, or undefined if the entry is valid. */
function problemOf (text: string, colonAt: number, positionOfSameName: string | undefined): string | undefined {
  if (text === '') return 'is empty'
  if (colonAt < 0) return 'has no colon between name and secret (a secret that holds a comma can stand in CALLERS_FILE only)'
  if (colonAt === 0) return 'has no name before the colon'
  if (colonAt === text.length - 1) return 'has no secret after the colon'
  if (!NAME.test(text.slice(0, colonAt))) return 'has a name that is not 1 to 64 visible ASCII characters without comma, quote or backslash'
  if (!SECRET.test(text.slice(colonAt + 1))) return 'has a secret with a blank or a character outside visible ASCII'
  return positionOfSameName === undefined ? undefined : `has the same name as ${positionOfSameName}`
}
