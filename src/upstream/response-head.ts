/**
 * Parses the head of a response (status line and headers): a pure function. It rejects ambiguous heads (RFC 9112 sections 4, 5, 6.3 and
 * 11.1), because the connection is reused and the next response belongs to somebody else. It accepts unusual but unambiguous heads,
 * because AMSU has charged for the call; they are forwarded to the client in canonical form.
 */
import { InvalidResponseError } from './errors.ts'
import { isChunked, readCodings, readLength, type Framing } from './response-framing.ts'

/** The body has the chunked coding (RFC 9112 section 7.1). */
export const CHUNKED = -1

/** The body ends with the connection. */
export const UNTIL_CLOSE = -2

/**
 * A status line and header lines, without the empty line. No line folding, no bare CR or LF, no control character. A proxy removes
 * whitespace before a colon (RFC 9112 section 5.1).
 */
const HEAD = /^HTTP\/1\.[01] [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?(?:\r\n[!#$%&'*+\-.^_`|~\dA-Za-z]+[\t ]*:[\t\x20-\x7e\x80-\xff]*)*$/

/** Characters of `HTTP/1.1 200`. */
const STATUS_LINE_LENGTH = 12

/** Options of `Connection`, in a list. */
const CLOSE = /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i
const KEEP_ALIVE = /(?:^|,)[\t ]*keep-alive[\t ]*(?:,|$)/i

/** The timeout of a `Keep-Alive` header, in seconds. */
const KEEP_ALIVE_TIMEOUT = /\btimeout\s*=\s*(\d{1,6})\b/i

/** Status and header fields of a response. */
export interface ResponseHead {
  readonly status: number
  readonly statusText: string
  /**
   * Flat names and values, as received with two exceptions: there is no whitespace after a name, and at most one `Content-Length`, in plain
   * digits. Each character is a byte (Latin-1).
   */
  readonly headers: readonly string[]
}

/** A response's head with its framing and the persistence of its connection. */
export interface FramedResponseHead extends ResponseHead {
  /** Bytes of the body, {@link CHUNKED} or {@link UNTIL_CLOSE}. */
  readonly bodyLength: number
  /** Whether the connection stays open after this response. */
  readonly isPersistent: boolean
  /** The `Keep-Alive` timeout in milliseconds, if there is one. */
  readonly keepAliveMs: number | undefined
}

/** Framing and connection options, collected from the headers. */
interface Notes extends Framing {
  isClosed: boolean
  isKept: boolean
  keepAliveMs: number | undefined
}

/**
 * Parses a head.
 *
 * @param text the head without the empty line, as Latin-1
 * @param method of the request: the response to a HEAD has no body
 * @throws {InvalidResponseError} if the head is invalid or ambiguous
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
    addHeader(headers, notes, ignoresFraming(method, status), name, value)
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
    // A server that sends chunked coding with HTTP/1.0 has faulty framing: its connection is not reused (RFC 9112 section 6.1).
    isPersistent: bodyLength !== UNTIL_CLOSE && !notes.isClosed && (isHttp11 || (notes.isKept && !hasChunks)),
    keepAliveMs: notes.keepAliveMs,
  }
}

/** These responses have no body, whatever their headers say (RFC 9110 section 6.4.1). */
function hasNoBody (method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304 || ignoresFraming(method, status)
}

/**
 * Whether the framing headers mean nothing, and may even be invalid: those of an interim response, and of a response to CONNECT. After a
 * 2xx follows the tunnel, and after a refusal the connection is closed unread (RFC 9112 section 6.3 items 1 and 2, RFC 9110 section 9.3.6).
 */
function ignoresFraming (method: string, status: number): boolean {
  return status < 200 || method === 'CONNECT'
}

/** Adds a header, and collects its framing and connection options. Comparing the length of the name first skips most headers. */
function addHeader (headers: string[], notes: Notes, isUnframed: boolean, name: string, value: string): void {
  switch (name.length) {
    case 10:
      noteConnectionField(notes, name, value)
      break
    case 14:
      if (isUnframed || !isName(name, 'content-length')) break
      addLength(headers, notes, name, value)
      return
    case 17:
      if (!isUnframed && isName(name, 'transfer-encoding')) notes.codings = readCodings(value, notes.codings)
  }
  headers.push(name, value)
}

/** Forwards the length once and in plain digits: the next recipient may accept fewer forms. */
function addLength (headers: string[], notes: Notes, name: string, value: string): void {
  const length = readLength(value, notes.length)
  if (notes.length === undefined) headers.push(name, String(length))
  notes.length = length
}

/** Collects the options of `Connection` and `Keep-Alive`. */
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

/** The text between two positions, without surrounding whitespace. */
function trim (text: string, from: number, to: number): string {
  while (from < to && isBlank(text, from)) from++
  while (to > from && isBlank(text, to - 1)) to--
  return text.slice(from, to)
}

function isBlank (text: string, position: number): boolean {
  const code = text.charCodeAt(position)
  return code === 0x20 || code === 0x09
}
