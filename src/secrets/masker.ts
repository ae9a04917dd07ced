/**
 * Masker: replaces the exact values of our secrets in text, in each encoding that may occur. Masking is the last step before a log
 * line is written, so it does not matter which code wrote the line, or into which field.
 */
import { MultiPatternMatcher } from './multi-pattern-matcher.ts'
import { REDACTED, type Secret } from './secret.ts'

/** Values shorter than this are not masked: they would match ordinary words and make the log unreadable. */
const MIN_MASKED_LENGTH = 4

/** Shorter values are masked in the log, but a response header that contains one is not dropped: `json` may be a caller's secret. */
const MIN_GUARDED_LENGTH = 8

/** How many values of one name are masked, the newest first: a late log line may still contain a token that was replaced. */
const VALUES_KEPT = 4

/** A set of secrets and the function that hides them. */
export interface Masker {
  /** Starts to mask `secret`, until it has been replaced four times under the same `name`. */
  add: (name: string, secret: Secret) => void
  /** Replaces every occurrence of a known secret in `text`. */
  mask: (text: string) => string
  /** Whether `text` contains a known secret of eight characters or more. */
  isRevealing: (text: string) => boolean
}

/** Finds secrets in text. */
interface Search {
  /** All encodings, longest first, so that a secret that contains another one is masked completely. */
  readonly patterns: readonly string[]
  readonly all: MultiPatternMatcher
  readonly guarded: MultiPatternMatcher
}

/** Creates a masker without secrets. */
export function createMasker (): Masker {
  const formsByName = new Map<string, string[][]>()
  let search: Search | undefined
  // Built when it is needed, not at each `add`: a list of a thousand callers would be built a thousand times.
  const current = (): Search => (search ??= searchFor([...formsByName.values()].flat(2)))

  return {
    add (name, secret) {
      const value = secret.reveal()
      if (value.length < MIN_MASKED_LENGTH) return
      const values = formsByName.get(name) ?? []
      if (values[0]?.[0] === value) return
      // A value that is added again, as at each reload, must not push out another one.
      formsByName.set(name, [formsOf(value), ...values.filter(([form]) => form !== value)].slice(0, VALUES_KEPT))
      search = undefined
    },
    mask (text) {
      const { all, patterns } = current()
      return all.matches(text) ? patterns.reduce((masked, pattern) => masked.replaceAll(pattern, REDACTED), text) : text
    },
    isRevealing: text => current().guarded.matches(text),
  }
}

function searchFor (forms: readonly string[]): Search {
  const patterns = [...new Set(forms)].sort((a, b) => b.length - a.length)
  return { patterns, all: new MultiPatternMatcher(patterns), guarded: new MultiPatternMatcher(patterns.filter(({ length }) => length >= MIN_GUARDED_LENGTH)) }
}

/**
 * Returns the encodings of a value: raw, in JSON, in a URL or form, as Latin-1 (as headers are read), and in base64 (RFC 4648 sections 4
 * and 5) at any offset of a longer text.
 */
function formsOf (value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1)
  const form = new URLSearchParams({ v: value }).toString().slice(2)
  const url = encodeURIComponent(value)
  const jsons = [json, JSON.stringify(json).slice(1, -1), json.replaceAll('/', '\\/')]
  const bytes = Buffer.from(value).toString('latin1')
  return [...new Set([value, bytes, ...jsons, url, lowerEscapes(url), form, lowerEscapes(form), ...base64Forms(value)])]
}

/** Percent-encoding in lower case, as some servers write it (RFC 3986 section 2.1 allows both). */
function lowerEscapes (text: string): string {
  return text.replaceAll(/%[0-9A-F]{2}/g, escape => escape.toLowerCase())
}

/**
 * Base64 differs at each of three offsets. The characters at either end depend on the neighbouring bytes and are omitted. Without the
 * three offsets, a Basic header (`name:secret`, RFC 7617) would reveal the secret.
 */
function base64Forms (value: string): string[] {
  const bytes = Buffer.from(value)
  const forms = [0, 1, 2].map(offset => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64').replace(/=+$/, '')
    const head = offset === 0 ? 0 : offset + 1
    const tail = (bytes.length + offset) % 3 === 0 ? 0 : 1
    return text.slice(head, text.length - tail)
  })
  return forms
    .flatMap(form => [form, form.replaceAll('+', '-').replaceAll('/', '_')])
    .filter(form => form.length >= MIN_MASKED_LENGTH)
}
