/**
 * Masks the exact values of our secrets in text, in each form they may take on their way into it. The last step before a
 * log line is written: it does not matter who wrote the line, or in which field.
 */
import { Needles } from './needles.ts'
import { REDACTED, type Secret } from './secret.ts'

/** Values shorter than this are not masked: they would be found in ordinary words, and blank out the log instead of a secret. */
const MIN_MASKED_LENGTH = 4

/** Shorter values are masked in the log, but no answer's header is dropped for them: `json` may be somebody's secret. */
const MIN_GUARDED_LENGTH = 8

/** How many values of one name are masked, the newest first: what is logged late may still hold a token that was replaced. */
const VALUES_KEPT = 4

/** A set of secrets and the function that hides them. */
export interface Masker {
  /** Starts to hide `secret`, for good or until it has been replaced four times under the same `name`. */
  add: (name: string, secret: Secret) => void
  /** Replaces every occurrence of a known secret in `text`. */
  mask: (text: string) => string
  /** Tells whether `text` holds a known secret of eight characters or more. */
  isRevealing: (text: string) => boolean
}

/** Creates a masker that knows no secret yet. */
export function createMasker (): Masker {
  const formsByName = new Map<string, string[][]>()
  let needles: string[] = []
  let all = new Needles([])
  let guarded = new Needles([])

  return {
    add (name, secret) {
      const value = secret.reveal()
      if (value.length < MIN_MASKED_LENGTH) return
      // One that is told again, as at each reload, must not push out another.
      const kept = (formsByName.get(name) ?? []).filter(([form]) => form !== value)
      kept.unshift(formsOf(value))
      formsByName.set(name, kept.slice(0, VALUES_KEPT))
      // Longest first, so that a secret that contains another is hidden whole.
      needles = [...new Set([...formsByName.values()].flat(2))].sort((a, b) => b.length - a.length)
      all = new Needles(needles)
      guarded = new Needles(needles.filter(needle => needle.length >= MIN_GUARDED_LENGTH))
    },
    mask: text => all.isIn(text) ? needles.reduce((masked, needle) => masked.replaceAll(needle, REDACTED), text) : text,
    isRevealing: text => guarded.isIn(text),
  }
}

/**
 * The ways one value is written: raw, in JSON, in a URL or form, as bytes that are read one by one (as headers are), base64 (RFC 4648
 * sections 4 and 5) at any offset of a longer text.
 */
function formsOf (value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1)
  const form = new URLSearchParams({ v: value }).toString().slice(2)
  const url = encodeURIComponent(value)
  const jsons = [json, JSON.stringify(json).slice(1, -1), json.replaceAll('/', '\\/')]
  const bytes = Buffer.from(value).toString('latin1')
  return [...new Set([value, bytes, ...jsons, url, lowerEscapes(url), form, lowerEscapes(form), ...base64Forms(value)])]
}

/** Percent-encoding with small letters, as some servers write it (RFC 3986 section 2.1 takes both). */
function lowerEscapes (text: string): string {
  return text.replaceAll(/%[0-9A-F]{2}/g, escape => escape.toLowerCase())
}

/**
 * Base64 looks different at each of three offsets; the characters at either end depend on the neighbours and are left out.
 * Without the alignment a Basic header (`name:secret`, RFC 7617) would show the secret.
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
