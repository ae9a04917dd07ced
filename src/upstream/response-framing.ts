/**
 * Response framing by `Content-Length` and `Transfer-Encoding` (RFC 9112 section 6.3): pure functions over their values. A value is
 * accepted if every recipient that accepts it reads it the same way. If two recipients can differ, one of them takes the remainder for the
 * next response (request smuggling, response splitting), so it is rejected. docs/internals/decisions/0013-ambiguous-messages.md lists both kinds.
 */
import { InvalidResponseError } from './errors.ts'

/** The common form of a length: no list, no leading zero, and few enough digits to be exact as a number. */
const PLAIN_LENGTH = /^(?:0|[1-9]\d{0,14})$/

const DIGITS = /^\d+$/

/** The common value of `Transfer-Encoding`. */
const ONLY_CHUNKED: readonly string[] = ['chunked']

/** The framing of one response, collected from its header fields. */
export interface Framing {
  /** Bytes of the body, if there is a `Content-Length`. */
  length: number | undefined
  /** Codings of all `Transfer-Encoding` fields, in lower case; undefined without one. */
  codings: readonly string[] | undefined
}

/**
 * Parses the value of a `Content-Length` field.
 *
 * @param before the value of an earlier field of this name
 * @returns the length, an exact integer
 * @throws {InvalidResponseError} if it has no valid value, or different ones
 */
export function readLength (value: string, before: number | undefined): number {
  const length = PLAIN_LENGTH.test(value) ? Number(value) : lengthOfList(value)
  if (before !== undefined && before !== length) throw new InvalidResponseError('length')
  return length
}

/** A list of equal numbers counts as that number (RFC 9110 section 8.6, RFC 9112 section 6.3 item 5). */
function lengthOfList (value: string): number {
  const [first, ...others] = membersOf(value).map(member => DIGITS.test(member) ? Number(member) : NaN)
  if (first === undefined || !Number.isSafeInteger(first) || others.some(other => other !== first)) throw new InvalidResponseError('length')
  return first
}

/** Appends the codings of a `Transfer-Encoding` field to those of earlier fields: they form one list (RFC 9110 section 5.3). */
export function readCodings (value: string, before: readonly string[] | undefined): readonly string[] {
  if (value === 'chunked' && before === undefined) return ONLY_CHUNKED
  const members = membersOf(value.toLowerCase())
  return before === undefined ? members : before.concat(members)
}

/**
 * Whether the body has the chunked coding. `chunked, chunked` counts as chunked once: a sender must not apply it twice (RFC 9112
 * section 6.1). The client would read the bytes of any other coding as plain content.
 *
 * @throws {InvalidResponseError} if there is another coding, an empty list, or also a length (RFC 9112 section 6.3 item 3)
 */
export function isChunked ({ codings, length }: Framing): boolean {
  if (codings === undefined) return false
  if (codings.length === 0 || codings.some(coding => coding !== 'chunked')) throw new InvalidResponseError('coding')
  if (length !== undefined) throw new InvalidResponseError('length and chunks')
  return true
}

/** The members of a list. A recipient ignores empty ones (RFC 9110 section 5.6.1.2), as in `chunked,`. Only SP and HTAB are whitespace. */
function membersOf (list: string): string[] {
  return list.split(',').map(member => member.replace(/^[\t ]+/, '').replace(/(?<![\t ])[\t ]+$/, '')).filter(member => member !== '')
}
