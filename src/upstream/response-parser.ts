/**
 * Reads the answers of one connection: bytes in, head, body and end out. It keeps nothing of a body, and of a head only what
 * has come of it so far.
 */
import { InvalidResponseError } from './errors.ts'
import { CHUNKED, parseHead, UNTIL_CLOSE, type FramedResponseHead } from './response-head.ts'

/** Most characters of a head, a chunk's line or a trailer section; Node.js has the same limit for requests. */
const MAX_TEXT_LENGTH = 16_384

const TOKEN = "[!#$%&'*+\\-.^_`|~\\dA-Za-z]+"
const QUOTED_STRING = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"'

const BLANKS = '[\\t ]*'

/**
 * A chunk's size, then extensions that nobody asked for (RFC 9112 sections 7.1 and 7.1.1). Servers that write the size into a field
 * of fixed width pad it with zeros or blanks.
 */
const CHUNK_LINE = new RegExp(`^${BLANKS}([\\da-f]+)${BLANKS}(?:;${BLANKS}${TOKEN}${BLANKS}(?:=${BLANKS}(?:${TOKEN}|${QUOTED_STRING})${BLANKS})?)*$`, 'i')

const TRAILER_LINE = new RegExp(`^${TOKEN}${BLANKS}:[\\t\\x20-\\x7e\\x80-\\xff]*$`)

/** How every head begins, as far as it can be told at once. */
const VERSION = 'HTTP/1.'

const HEAD_END = Buffer.from('\r\n\r\n')
const LINE_END = Buffer.from('\r\n')

/** A line that ends otherwise never ends for us, and need not be waited for. */
const BARE_LINE_FEED = /(?<!\r)\n/

/** The protocol would change, which nobody asked for; what follows is not HTTP. */
const SWITCHING_PROTOCOLS = 101

/**
 * Most characters of all interim responses before a final one: sixteen of the largest, or a `102` a second for longer than a response
 * may take. Without a bound a stream of them would cost CPU until the response times out.
 */
const MAX_INTERIM_LENGTH = 16 * MAX_TEXT_LENGTH

/** Told what was read, in this order. */
export interface ResponseHandler {
  /** The first byte came. */
  onFirstByte: () => void
  /** Throws if the answer can not be passed on. */
  onResponseStart: (head: FramedResponseHead) => void
  /** A piece of the body; false when there should be no more for now. */
  onResponseData: (chunk: Buffer) => boolean
}

/** What is expected next. */
type Expected = 'nothing' | 'head' | 'body' | 'chunk-line' | 'chunk' | 'chunk-end' | 'trailers' | 'close'

/** Reads one answer after the other. */
export class ResponseParser {
  #expected: Expected = 'nothing'
  #method = ''
  #handler: ResponseHandler | undefined
  #head: FramedResponseHead | undefined
  #isStarted = false
  /** Bytes of the body, or of the chunk, that are still to come. */
  #remaining = 0
  /** What has come of a head or a line. */
  #text = ''
  /** Where the next thing begins. */
  #position = 0
  #trailerLength = 0
  #interimLength = 0
  /** Whether an interim response has said that the connection ends after the final one. */
  #closeAfter = false
  #wantsMore = true

  /** From now on the answer to a request of this method is expected. */
  begin (method: string, handler: ResponseHandler): void {
    this.#method = method
    this.#handler = handler
    this.#isStarted = false
    this.#interimLength = 0
    this.#closeAfter = false
    this.#expected = 'head'
  }

  /**
   * Forgets the answer, whole or not, and returns its head. A connection grows old; what it still knew of the last request would
   * grow old with it, and be kept until a major collection.
   */
  reset (): FramedResponseHead | undefined {
    const head = this.#head
    this.#head = undefined
    this.#handler = undefined
    this.#text = ''
    this.#expected = 'nothing'
    return head
  }

  /**
   * Reads what came, up to the end of the answer, or until the listener has it forgotten.
   *
   * @returns how many bytes were read
   * @throws {InvalidResponseError} when it is no answer, and whatever `onHead` throws
   */
  read (bytes: Buffer): number {
    this.#position = 0
    this.#wantsMore = true
    while (this.#position < bytes.length && this.#expected !== 'nothing') this.#step(bytes)
    return this.#position
  }

  /** Whether nothing more is expected. */
  get isComplete (): boolean {
    return this.#expected === 'nothing'
  }

  /** Whether the listener took the last piece as one too many. */
  get isPaused (): boolean {
    return !this.#wantsMore
  }

  /** The connection has ended; returns whether that makes the answer whole. */
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

  /** Interim responses are skipped, whoever sends them, and whatever they say of themselves (RFC 9110 section 15.2). */
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
    // As it came if it is all there is: whoever gets a whole buffer may free it.
    this.#wantsMore = this.#handler?.onResponseData(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)) ?? true
  }

  /** Reads what stands between chunks and after them, a line at a time. */
  #readLine (bytes: Buffer): void {
    const line = this.#take(bytes, LINE_END)
    if (line === undefined) return
    if (this.#expected === 'chunk-line') this.#onChunkLine(line)
    else if (this.#expected === 'chunk-end') this.#onChunkEnd(line)
    else this.#onTrailer(line)
  }

  #onChunkLine (line: string): void {
    const size = Number.parseInt(CHUNK_LINE.exec(line)?.[1] ?? '', 16)
    if (!Number.isSafeInteger(size)) throw new InvalidResponseError('chunk')
    this.#remaining = size
    this.#trailerLength = 0
    this.#expected = this.#remaining === 0 ? 'trailers' : 'chunk'
  }

  #onChunkEnd (line: string): void {
    if (line !== '') throw new InvalidResponseError('end of a chunk')
    this.#expected = 'chunk-line'
  }

  /** Trailers are not passed on. */
  #onTrailer (line: string): void {
    this.#trailerLength += line.length
    if (line === '') this.#expected = 'nothing'
    else if (this.#trailerLength > MAX_TEXT_LENGTH || !TRAILER_LINE.test(line)) throw new InvalidResponseError('trailer')
  }

  /** Takes the text before a terminator, and moves behind that; undefined while it has not come, and all that has is kept. */
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
