/**
 * Reads who may call: `name:secret` entries, separated by commas in `CALLERS`, one a line in the file of `CALLERS_FILE`. A problem
 * is named by its place; neither a name nor a secret is ever repeated, because each may be the other in the wrong place.
 */
import { Secret } from '../secrets/secret.ts'

/** What a name may be: no colon, which ends it (RFC 7617 section 2), and nothing that a log line or a metric label must escape. */
const NAME = /^(?:(?![:,"'`\\])[\x21-\x7e]){1,64}$/

/** What a secret may be: characters every client encodes alike, in a header as in a form (RFC 7617 section 2 forbids controls). */
const SECRET = /^[\x21-\x7e]+$/

/** A secret below this many characters may be guessed: 16 hexadecimal digits are 64 bits, and the advice is twice that. */
const MIN_SECRET_LENGTH = 16

/** Blanks around an entry. A no-break space is none of them: it is reported, not swallowed. */
const BLANKS_AROUND = /^[ \t\r\n]+|[ \t\r\n]+$/g

/** One that may call, and what it proves that with. */
export interface Caller {
  readonly name: string
  readonly secret: Secret
}

/** All callers, or else all that is wrong, as whole sentences that name the setting and the place. */
export type CallerList =
  | { readonly callers: readonly Caller[] }
  | { readonly problems: readonly string[] }

/** The text of an entry and the words for where it stands. */
interface Entry {
  readonly text: string
  readonly place: string
}

/** Parses the value of `CALLERS`. A secret that holds a comma can not stand there, only in the file. */
export function parseCallers (text: string): CallerList {
  if (trim(text) === '') return listOf([], 'CALLERS')
  return listOf(text.split(',').map((entry, i) => ({ text: trim(entry), place: `CALLERS entry ${i + 1}` })), 'CALLERS')
}

/** Parses the text of a callers file: blank lines and lines that start with `#` are skipped, line ends and a byte order mark of any editor are fine. */
export function parseCallersFile (text: string): CallerList {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  const entries = lines.map((line, i) => ({ text: trim(line), place: `CALLERS_FILE line ${i + 1}` }))
  return listOf(entries.filter(entry => entry.text !== '' && !entry.text.startsWith('#')), 'CALLERS_FILE')
}

/** A sentence for the log if some callers have secrets that can be guessed. It says how many, not whose. */
export function weakSecretWarnings (callers: readonly Caller[]): string[] {
  const weak = callers.filter(({ secret }) => secret.reveal().length < MIN_SECRET_LENGTH).length
  return weak === 0 ? [] : [`${weak} of ${callers.length} callers have a secret of less than ${MIN_SECRET_LENGTH} characters, which may be guessed; openssl rand -hex 16 makes a good one`]
}

function trim (text: string): string {
  return text.replaceAll(BLANKS_AROUND, '')
}

/** Two callers may have the same secret; shown without a name it is the first one's. */
function listOf (entries: readonly Entry[], setting: string): CallerList {
  if (entries.length === 0) return { problems: [`${setting} names no caller`] }
  const callers: Caller[] = []
  const problems: string[] = []
  const placeOfName = new Map<string, string>()
  for (const { text, place } of entries) {
    const colonAt = text.indexOf(':')
    const name = text.slice(0, colonAt)
    const problem = problemOf(text, colonAt, placeOfName.get(name))
    if (problem !== undefined) {
      problems.push(`${place} ${problem}`)
      continue
    }
    placeOfName.set(name, place)
    callers.push({ name, secret: new Secret(text.slice(colonAt + 1)) })
  }
  return problems.length > 0 ? { problems } : { callers }
}

/** The rest of a sentence that starts with the entry's place, or undefined if the entry is fine. */
function problemOf (text: string, colonAt: number, placeOfSameName: string | undefined): string | undefined {
  if (text === '') return 'is empty'
  if (colonAt < 0) return 'has no colon between name and secret (a secret that holds a comma can stand in CALLERS_FILE only)'
  if (colonAt === 0) return 'has no name before the colon'
  if (colonAt === text.length - 1) return 'has no secret after the colon'
  if (!NAME.test(text.slice(0, colonAt))) return 'has a name that is not 1 to 64 visible ASCII characters without comma, quote or backslash'
  if (!SECRET.test(text.slice(colonAt + 1))) return 'has a secret with a blank or a character outside visible ASCII'
  return placeOfSameName === undefined ? undefined : `has the same name as ${placeOfSameName}`
}
