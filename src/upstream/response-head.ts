/**
 * The head of a response, from its text: a pure function. It refuses what has two readings (RFC 9112 sections 4, 5, 6.3 and 11.1),
 * because a connection is used again and the next response belongs to somebody else. What has one reading it accepts, however it is
 * written, because the call has been paid; what goes on to the caller is then written properly.
 */
import { InvalidResponseError } from './errors.ts'
import { isChunked, readCodings, readLength, type Framing } from './response-framing.ts'

/** The body comes in chunks (RFC 9112 section 7.1). */
export const CHUNKED = -1

/** The body ends with the connection. */
export const UNTIL_CLOSE = -2

/**
 * A status line and header lines, without the blank line. No folding, no bare CR or LF, no control character. Blanks before a colon
 * are removed by a proxy (RFC 9112 section 5.1).
 */
const HEAD = /^HTTP\/1\.[01] [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?(?:\r\n[!#$%&'*+\-.^_`|~\dA-Za-z]+[\t ]*:[\t\x20-\x7e\x80-\xff]*)*$/

/** Characters of `HTTP/1.1 200`. */
const STATUS_LINE_LENGTH = 12

/** Options of `Connection`, in a list. */
const CLOSE = /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i
const KEEP_ALIVE = /(?:^|,)[\t ]*keep-alive[\t ]*(?:,|$)/i

/** What a `Keep-Alive` header says about the time an idle connection is kept, in seconds. */
const KEEP_ALIVE_TIMEOUT = /\btimeout\s*=\s*(\d{1,6})\b/i

/** Status and header fields of a response. */
export interface ResponseHead {
  readonly status: number
  readonly statusText: string
  /**
   * Flat names and values, as received but for two things: no blank stands behind a name, and there is at most one `Content-Length`,
   * of plain digits. A character is a byte (Latin-1).
   */
  readonly headers: readonly string[]
}

/** A response's head, with what it says of the body and the connection. */
export interface FramedResponseHead extends ResponseHead {
  /** Bytes of the body, {@link CHUNKED} or {@link UNTIL_CLOSE}. */
  readonly bodyLength: number
  /** Whether the connection stays open after this response. */
  readonly isPersistent: boolean
  /** How long AMSU keeps the connection when it is idle, in milliseconds, if it says so. */
  readonly keepAliveMs: number | undefined
}

/** What the headers say about framing and connection. */
interface Notes extends Framing {
  isClosed: boolean
  isKept: boolean
  keepAliveMs: number | undefined
}

/**
 * Parses a head.
 *
 * @param text the head up to the blank line, without it, as Latin-1
 * @param method of the request: the answer to a HEAD has no body
 * @throws {InvalidResponseError} when it is not one
 */
export function parseHead (text: string, method: string): FramedResponseHead {
  if (!HEAD.test(text)) throw new InvalidResponseError('head')
  const status = Number(text.slice(STATUS_LINE_LENGTH - 3, STATUS_LINE_LENGTH))
  const lineEnd = endOfLine(text, 0)
  const headers: string[] = []
  const notes: Notes = { length: undefined, codings: undefined, isClosed: false, isKept: false, keepAliveMs: undefined }
  for (let start = lineEnd + 2; start < text.length;) {
    const end = endOfLine(text, start)
    const colon = text.indexOf(':', start)
    const name = trim(text, start, colon)
    const value = trim(text, colon + 1, end)
    takeDown(headers, notes, status < 200, name, value)
    start = end + 2
  }
  const hasChunks = isChunked(notes)
  const bodyLength = hasNoBody(method, status) ? 0 : hasChunks ? CHUNKED : notes.length ?? UNTIL_CLOSE
  const isHttp11 = text.charCodeAt(7) === 0x31
  return {
    status,
    statusText: text.slice(STATUS_LINE_LENGTH + 1, lineEnd),
    headers,
    bodyLength,
    // Who speaks HTTP/1.0 and sends chunks all the same is not to be trusted with a second answer (RFC 9112 section 6.1).
    isPersistent: bodyLength !== UNTIL_CLOSE && !notes.isClosed && (isHttp11 || (notes.isKept && !hasChunks)),
    keepAliveMs: notes.keepAliveMs,
  }
}

/** These have none whatever their headers say (RFC 9110 section 6.4.1). */
function hasNoBody (method: string, status: number): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304
}

/**
 * Takes down a header, and what it says of framing and connection. The length of its name tells most others apart. An interim response
 * ends with its head whatever it says of its body (RFC 9112 section 6.3 item 1).
 */
function takeDown (headers: string[], notes: Notes, isInterim: boolean, name: string, value: string): void {
  switch (name.length) {
    case 10:
      noteConnectionField(notes, name, value)
      break
    case 14:
      if (isInterim || !isName(name, 'content-length')) break
      takeDownLength(headers, notes, name, value)
      return
    case 17:
      if (!isInterim && isName(name, 'transfer-encoding')) notes.codings = readCodings(value, notes.codings)
  }
  headers.push(name, value)
}

/** A length is passed on once, and as plain digits: who reads it next may read less than we do. */
function takeDownLength (headers: string[], notes: Notes, name: string, value: string): void {
  const length = readLength(value, notes.length)
  if (notes.length === undefined) headers.push(name, String(length))
  notes.length = length
}

/** What becomes of the connection. */
function noteConnectionField (notes: Notes, name: string, value: string): void {
  if (isName(name, 'connection')) noteConnection(notes, value)
  else if (isName(name, 'keep-alive')) notes.keepAliveMs = keepAliveMsOf(value)
}

function noteConnection (notes: Notes, value: string): void {
  if (CLOSE.test(value)) notes.isClosed = true
  if (KEEP_ALIVE.test(value)) notes.isKept = true
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
