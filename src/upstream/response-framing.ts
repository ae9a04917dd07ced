/**
 * Where a response ends, by its `Content-Length` and `Transfer-Encoding` (RFC 9112 section 6.3): pure functions over their values.
 * A value is accepted when every recipient that takes it at all takes it for the same. Where two recipients can differ, one of
 * them takes the rest for the next response (request smuggling, response splitting), so it is refused.
 * docs/internals/decisions/0013-one-reading.md lists both kinds.
 */
import { InvalidResponseError } from './errors.ts'

/** A length as it is nearly always written: no list, no zero in front, and exact in a number whatever its digits are. */
const PLAIN_LENGTH = /^(?:0|[1-9]\d{0,14})$/

const DIGITS = /^\d+$/

/** What nearly every `Transfer-Encoding` says. */
const ONLY_CHUNKED: readonly string[] = ['chunked']

/** What the header fields of one response say about its framing. */
export interface Framing {
  /** Bytes of the body, if a length is stated. */
  length: number | undefined
  /** Codings of `Transfer-Encoding`, in lower case, of all its lines; undefined while there is none. */
  codings: readonly string[] | undefined
}

/**
 * Reads the value of a `Content-Length` field.
 *
 * @param before what an earlier field of this name said
 * @returns the length, of digits without a sign, exact as a number
 * @throws {InvalidResponseError} when it has no or more than one value
 */
export function readLength (value: string, before: number | undefined): number {
  const length = PLAIN_LENGTH.test(value) ? Number(value) : lengthOfList(value)
  if (before !== undefined && before !== length) throw new InvalidResponseError('length')
  return length
}

/** A list whose members are all the same number is that number (RFC 9110 section 8.6, RFC 9112 section 6.3 item 5). */
function lengthOfList (value: string): number {
  const [first, ...others] = membersOf(value).map(member => DIGITS.test(member) ? Number(member) : NaN)
  if (first === undefined || !Number.isSafeInteger(first) || others.some(other => other !== first)) throw new InvalidResponseError('length')
  return first
}

/** Adds the codings of a `Transfer-Encoding` field to those of the fields before it: they are one list (RFC 9110 section 5.3). */
export function readCodings (value: string, before: readonly string[] | undefined): readonly string[] {
  if (value === 'chunked' && before === undefined) return ONLY_CHUNKED
  const members = membersOf(value.toLowerCase())
  return before === undefined ? members : before.concat(members)
}

/**
 * Tells whether the body comes in chunks. Chunked named twice is chunked once: a sender must not apply it twice, so nobody can
 * mean that (RFC 9112 section 6.1). Every other coding would reach the caller as if it were the plain bytes.
 *
 * @throws {InvalidResponseError} when there is any other coding, or none, or a length beside it (RFC 9112 section 6.3 item 3)
 */
export function isChunked ({ codings, length }: Framing): boolean {
  if (codings === undefined) return false
  if (codings.length === 0 || codings.some(coding => coding !== 'chunked')) throw new InvalidResponseError('coding')
  if (length !== undefined) throw new InvalidResponseError('length and chunks')
  return true
}

/** The members of a list. A recipient ignores empty ones (RFC 9110 section 5.6.1.2), as in `chunked,`. Only SP and HTAB are blanks. */
function membersOf (list: string): string[] {
  return list.split(',').map(member => member.replace(/^[\t ]+/, '').replace(/(?<![\t ])[\t ]+$/, '')).filter(member => member !== '')
}
