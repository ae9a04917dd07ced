/**
 * HTTP/1.1 response parser (RFC 9112) of one connection: bytes in; head, body chunks and end out. It buffers no body, and only the
 * incomplete part of a head or line.
 */
import { chunkSize, isTrailer } from './chunk-lines.ts'
import { InvalidResponseError } from './errors.ts'
import { ReadPieces } from './read-pieces.ts'
import { CHUNKED, parseHead, UNTIL_CLOSE, type FramedResponseHead } from './response-head.ts'

/** Limit of a head, a chunk line or a trailer section, in characters; Node.js has the same limit for requests. */
const MAX_TEXT_LENGTH = 16_384

/** The start of every head; anything else is rejected at once. */
const VERSION = 'HTTP/1.'

const HEAD_END = Buffer.from('\r\n\r\n')
const LINE_END = Buffer.from('\r\n')

/** A line ending without CR. It is invalid, so the parser rejects it at once instead of waiting for CRLF. */
const BARE_LINE_FEED = /(?<!\r)\n/

/** A switch of protocol, which the proxy never requests; what follows is not HTTP. */
const SWITCHING_PROTOCOLS = 101

/**
 * Limit of all interim responses before a final one, in characters: sixteen of the largest, or a `102` every second for longer than the
 * response timeout. Without a limit, a stream of them would cost CPU until the response times out.
 */
const MAX_INTERIM_LENGTH = 16 * MAX_TEXT_LENGTH

/** Receives the parts of a response, in this order. */
export interface ResponseHandler {
  /** The first byte arrived. */
  onFirstByte: () => void
  /** The final response's head. Throws if the response cannot be forwarded. */
  onResponseStart: (head: FramedResponseHead) => void
  /** A piece of the body. Returns false for backpressure. */
  onResponseData: (chunk: Buffer) => boolean
}

/** What the parser expects next. */
type Expected = 'nothing' | 'head' | 'body' | 'chunk-line' | 'chunk' | 'chunk-end' | 'trailers' | 'close'

/** Parses one response after the other. */
export class ResponseParser {
  #expected: Expected = 'nothing'
  #method = ''
  #handler: ResponseHandler | undefined
  #head: FramedResponseHead | undefined
  #isStarted = false
  /** Bytes of the body or of the chunk that have not arrived yet. */
  #remaining = 0
  /** The incomplete head or line. */
  #text = ''
  /** Position of the next unread byte. */
  #position = 0
  readonly #pieces = new ReadPieces(piece => { this.#isPaused = this.#handler?.onResponseData(piece) === false })
  #trailerLength = 0
  #interimLength = 0
  /** Whether an interim response says that the connection closes after the final one. */
  #closeAfter = false
  #isPaused = false

  /** Starts to expect the response to a request of this method. */
  begin (method: string, handler: ResponseHandler): void {
    this.#method = method
    this.#handler = handler
    this.#isStarted = false
    this.#interimLength = 0
    this.#closeAfter = false
    this.#expected = 'head'
  }

  /**
   * Drops the response, complete or not, and returns its head. A connection is long-lived: references to its last request would keep that
   * in memory until a major garbage collection.
   */
  reset (): FramedResponseHead | undefined {
    const head = this.#head
    this.#head = undefined
    this.#handler = undefined
    this.#text = ''
    this.#pieces.clear()
    this.#expected = 'nothing'
    return head
  }

  /**
   * Parses received bytes up to the end of the response, or until the handler resets the parser.
   *
   * @returns how many bytes were read
   * @throws {InvalidResponseError} if the response is invalid; and whatever `onResponseStart` throws
   */
  read (bytes: Buffer): number {
    this.#position = 0
    this.#isPaused = false
    try {
      while (this.#position < bytes.length && this.#expected !== 'nothing') this.#step(bytes)
    } catch (error) {
      if (error instanceof InvalidResponseError) this.#pieces.end()
      throw error
    }
    this.#pieces.end()
    return this.#position
  }

  /** Whether the response is complete, or none is expected. */
  get isComplete (): boolean {
    return this.#expected === 'nothing'
  }

  /** Whether the handler returned false for the last chunk: backpressure. */
  get isPaused (): boolean {
    return this.#isPaused
  }

  /** The connection has ended. Returns whether the response is complete. */
  end (): boolean {
    if (this.#expected === 'close') this.#expected = 'nothing'
    return this.#expected === 'nothing'
  }

  #step (bytes: Buffer): void {
    switch (this.#expected) {
      case 'head':
        return this.#readHead(bytes)
      case 'body':
      case 'chunk':
      case 'close':
        return this.#readBody(bytes)
      case 'chunk-line':
      case 'chunk-end':
      case 'trailers':
        return this.#readLine(bytes)
      case 'nothing':
    }
  }

  #readHead (bytes: Buffer): void {
    if (!this.#isStarted) this.#handler?.onFirstByte()
    this.#isStarted = true
    const text = this.#take(bytes, HEAD_END)
    if (text !== undefined) this.#onHead(parseHead(text, this.#method), text.length)
    else if (!this.#text.startsWith(VERSION.slice(0, this.#text.length))) throw new InvalidResponseError('version')
  }

  #onHead (head: FramedResponseHead, length: number): void {
    if (head.status < 200) this.#onInterim(head, length)
    else this.#onFinal(this.#closeAfter ? { ...head, isPersistent: false } : head)
  }

  /** Skips an interim (informational) response, whatever its headers say (RFC 9110 section 15.2). */
  #onInterim ({ isPersistent, status }: FramedResponseHead, length: number): void {
    this.#interimLength += length
    if (status === SWITCHING_PROTOCOLS || this.#interimLength > MAX_INTERIM_LENGTH) throw new InvalidResponseError('interim response')
    if (!isPersistent) this.#closeAfter = true
  }

  #onFinal (head: FramedResponseHead): void {
    this.#head = head
    const { bodyLength } = head
    this.#remaining = bodyLength === UNTIL_CLOSE ? Infinity : bodyLength
    this.#expected = bodyLength === CHUNKED ? 'chunk-line' : bodyLength === UNTIL_CLOSE ? 'close' : bodyLength > 0 ? 'body' : 'nothing'
    this.#handler?.onResponseStart(head)
  }

  #readBody (bytes: Buffer): void {
    const start = this.#position
    const end = Math.min(bytes.length, start + this.#remaining)
    this.#position = end
    this.#remaining -= end - start
    if (this.#remaining === 0) this.#expected = this.#expected === 'chunk' ? 'chunk-end' : 'nothing'
    // The original buffer if the chunk is all of it: only a buffer that owns its memory can be released.
    this.#pieces.add(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
  }

  /** Reads chunk lines, chunk ends and trailers, a line at a time. */
  #readLine (bytes: Buffer): void {
    const line = this.#take(bytes, LINE_END)
    if (line === undefined) return
    if (this.#expected === 'chunk-line') this.#onChunkLine(line)
    else if (this.#expected === 'chunk-end') this.#onChunkEnd(line)
    else this.#onTrailer(line)
  }

  #onChunkLine (line: string): void {
    const size = chunkSize(line)
    if (!Number.isSafeInteger(size)) throw new InvalidResponseError('chunk')
    this.#remaining = size
    this.#trailerLength = 0
    this.#expected = this.#remaining === 0 ? 'trailers' : 'chunk'
  }

  #onChunkEnd (line: string): void {
    if (line !== '') throw new InvalidResponseError('end of a chunk')
    this.#expected = 'chunk-line'
  }

  /** Checks a trailer line. Trailers are not forwarded. */
  #onTrailer (line: string): void {
    this.#trailerLength += line.length
    if (line === '') this.#expected = 'nothing'
    else if (this.#trailerLength > MAX_TEXT_LENGTH || !isTrailer(line)) throw new InvalidResponseError('trailer')
  }

  /** Returns the text before a terminator and moves past it. Without a terminator, buffers the text and returns undefined. */
  #take (bytes: Buffer, terminator: Buffer): string | undefined {
    const start = this.#position
    const before = this.#text
    const at = before === '' ? bytes.indexOf(terminator, start) : -1
    if (at !== -1 && at - start <= MAX_TEXT_LENGTH) {
      this.#position = at + terminator.length
      return bytes.toString('latin1', start, at)
    }
    const most = MAX_TEXT_LENGTH + terminator.length - before.length
    const text = before + bytes.toString('latin1', start, Math.min(bytes.length, start + most))
    const end = text.indexOf(terminator.toString('latin1'), Math.max(0, before.length - terminator.length + 1))
    if (end !== -1) {
      this.#text = ''
      this.#position = start + end + terminator.length - before.length
      return text.slice(0, end)
    }
    if (text.length >= MAX_TEXT_LENGTH + terminator.length || BARE_LINE_FEED.test(text)) throw new InvalidResponseError('a line has no end')
    this.#text = text
    this.#position = bytes.length
    return undefined
  }
}
