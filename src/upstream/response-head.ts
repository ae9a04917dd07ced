/**
 * The head of a response, from its text: a pure function. It is strict where a lenient reading would let one answer pass for two
 * (RFC 9112 sections 4, 5, 6.3 and 11.1), because a connection is used again and the next answer belongs to somebody else.
 */
import { InvalidAnswerError } from './errors.ts'

/** The body comes in chunks (RFC 9112 section 7.1). */
export const CHUNKED = -1

/** The body ends with the connection. */
export const UNTIL_CLOSE = -2

/** A status line and header lines, without the blank line. No folding, no bare CR or LF, no control character, no blank before a colon. */
const HEAD = /^HTTP\/1\.[01] [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?(?:\r\n[!#$%&'*+\-.^_`|~\dA-Za-z]+:[\t\x20-\x7e\x80-\xff]*)*$/

/** Characters of `HTTP/1.1 200`. */
const STATUS_LINE_LENGTH = 12

/** Bytes a body may have: what a number holds exactly. */
const LENGTH = /^\d{1,15}$/

/** Options of `Connection`, in a list. */
const CLOSE = /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i
const KEEP_ALIVE = /(?:^|,)[\t ]*keep-alive[\t ]*(?:,|$)/i

/** What a `Keep-Alive` header says about the time an idle connection is kept, in seconds. */
const KEEP_ALIVE_TIMEOUT = /\btimeout\s*=\s*(\d{1,6})\b/i

/** A response's head. */
export interface ResponseHead {
  readonly status: number
  readonly statusText: string
  /** Flat names and values, as received; a character is a byte (Latin-1). */
  readonly headers: string[]
  /** Bytes of the body, {@link CHUNKED} or {@link UNTIL_CLOSE}. */
  readonly bodyLength: number
  /** Whether the connection stays open after this response. */
  readonly isPersistent: boolean
  /** How long AMSU keeps the connection when it is idle, in milliseconds, if it says so. */
  readonly keepAliveMs: number | undefined
}

/** What the headers say about framing and connection. */
interface Framing {
  length: number | undefined
  isChunked: boolean
  isClosed: boolean
  isKept: boolean
  keepAliveMs: number | undefined
}

/**
 * Parses a head.
 *
 * @param text the head up to the blank line, without it, as Latin-1
 * @param method of the request: the answer to a HEAD has no body
 * @throws {InvalidAnswerError} when it is not one
 */
export function parseHead (text: string, method: string): ResponseHead {
  if (!HEAD.test(text)) throw new InvalidAnswerError('head')
  const status = Number(text.slice(STATUS_LINE_LENGTH - 3, STATUS_LINE_LENGTH))
  const lineEnd = endOfLine(text, 0)
  const headers: string[] = []
  const framing: Framing = { length: undefined, isChunked: false, isClosed: false, isKept: false, keepAliveMs: undefined }
  for (let start = lineEnd + 2; start < text.length;) {
    const end = endOfLine(text, start)
    const colon = text.indexOf(':', start)
    const name = text.slice(start, colon)
    const value = trim(text, colon + 1, end)
    headers.push(name, value)
    note(framing, name, value)
    start = end + 2
  }
  if (framing.length !== undefined && framing.isChunked) throw new InvalidAnswerError('length and chunks')
  const bodyLength = hasNoBody(method, status) ? 0 : framing.isChunked ? CHUNKED : framing.length ?? UNTIL_CLOSE
  const isHttp11 = text.charCodeAt(7) === 0x31
  return {
    status,
    statusText: text.slice(STATUS_LINE_LENGTH + 1, lineEnd),
    headers,
    bodyLength,
    // Who speaks HTTP/1.0 and sends chunks all the same is not to be trusted with a second answer (RFC 9112 section 6.1).
    isPersistent: bodyLength !== UNTIL_CLOSE && !framing.isClosed && (isHttp11 || (framing.isKept && !framing.isChunked)),
    keepAliveMs: framing.keepAliveMs,
  }
}

/** These have none whatever their headers say (RFC 9110 section 6.4.1). */
function hasNoBody (method: string, status: number): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304
}

/** Takes down a header that says how long the body is, or what becomes of the connection. The length of its name tells most others apart. */
function note (framing: Framing, name: string, value: string): void {
  switch (name.length) {
    case 10:
      if (isName(name, 'connection')) noteConnection(framing, value)
      else if (isName(name, 'keep-alive')) framing.keepAliveMs = keepAliveMsOf(value)
      return
    case 14:
      if (!isName(name, 'content-length')) return
      if (framing.length !== undefined || !LENGTH.test(value)) throw new InvalidAnswerError('length')
      framing.length = Number(value)
      return
    case 17:
      if (!isName(name, 'transfer-encoding')) return
      // Any other coding would reach the caller as if it were the plain bytes.
      if (framing.isChunked || value.toLowerCase() !== 'chunked') throw new InvalidAnswerError('coding')
      framing.isChunked = true
  }
}

function noteConnection (framing: Framing, value: string): void {
  if (CLOSE.test(value)) framing.isClosed = true
  if (KEEP_ALIVE.test(value)) framing.isKept = true
}

function keepAliveMsOf (value: string): number | undefined {
  const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

function isName (name: string, lowerCase: string): boolean {
  return name === lowerCase || name.toLowerCase() === lowerCase
}

function endOfLine (text: string, start: number): number {
  const end = text.indexOf('\r\n', start)
  return end === -1 ? text.length : end
}

/** The part between two positions, without blanks around it. */
function trim (text: string, from: number, to: number): string {
  while (from < to && isBlank(text, from)) from++
  while (to > from && isBlank(text, to - 1)) to--
  return text.slice(from, to)
}

function isBlank (text: string, position: number): boolean {
  const code = text.charCodeAt(position)
  return code === 0x20 || code === 0x09
}
