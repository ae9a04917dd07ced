/**
 * Reads the answers of one connection: bytes in, head, body and end out. It keeps nothing of a body, and of a head only what
 * has come of it so far.
 */
import { InvalidAnswerError } from './errors.ts'
import { CHUNKED, parseHead, UNTIL_CLOSE, type ResponseHead } from './response-head.ts'

/** Largest head, trailer section or chunk line, in bytes; Node.js has the same limit for requests. */
const LARGEST_HEAD = 16_384

/** A chunk's size, then extensions that nobody asked for. Eight digits are 4 GiB. */
const CHUNK_LINE = /^([\da-f]{1,8})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i

const TRAILER_LINE = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/

/** How every head begins, as far as it can be told at once. */
const VERSION = 'HTTP/1.'

const HEAD_END = '\r\n\r\n'
const LINE_END = '\r\n'

/** Interim answers that say more than "wait": the protocol changes, or somebody waits for a body that is not held back. */
const UNASKED = new Set([100, 101])

/** Told what was read, in this order. */
export interface AnswerListener {
  /** The first byte came. */
  onAnswerStarted: () => void
  /** Throws if the answer can not be passed on. */
  onHead: (head: ResponseHead) => void
  /** A piece of the body; false when there should be no more for now. */
  onBody: (chunk: Buffer) => boolean
}

/** What is expected next. */
type Expected = 'nothing' | 'head' | 'body' | 'chunk-line' | 'chunk' | 'chunk-end' | 'trailers' | 'close'

/** Reads one answer after the other. */
export class ResponseReader {
  #expected: Expected = 'nothing'
  #method = ''
  #listener: AnswerListener | undefined
  #head: ResponseHead | undefined
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0
  /** What has come of a head or a line. */
  #text = ''
  #trailerBytes = 0
  #wantsMore = true

  /** The answer's head; undefined before it was read. */
  get head (): ResponseHead | undefined {
    return this.#head
  }

  /** From now on the answer to a request of this method is expected. */
  begin (method: string, listener: AnswerListener): void {
    this.#method = method
    this.#listener = listener
    this.#head = undefined
    this.#expected = 'head'
  }

  /**
   * Reads what came, up to the end of the answer.
   *
   * @returns how many bytes were read; fewer than there are only when the answer has ended before them
   * @throws {InvalidAnswerError} when it is no answer, and whatever `onHead` throws
   */
  read (bytes: Buffer): number {
    let position = 0
    while (position < bytes.length && this.#expected !== 'nothing') position = this.#step(bytes, position)
    return position
  }

  /** Whether the answer is whole. */
  get isWhole (): boolean {
    return this.#expected === 'nothing'
  }

  /** Whether the listener took the last piece as one too many. */
  get isHeldUp (): boolean {
    return !this.#wantsMore
  }

  /** The connection has ended; returns whether that makes the answer whole. */
  end (): boolean {
    if (this.#expected === 'close') this.#expected = 'nothing'
    return this.#expected === 'nothing'
  }

  /** Reads one thing; returns the position behind it. */
  #step (bytes: Buffer, position: number): number {
    const expected = this.#expected
    if (expected === 'head') return this.#readHead(bytes, position)
    const isBody = expected === 'body' || expected === 'chunk' || expected === 'close'
    return isBody ? this.#readBody(bytes, position) : this.#readLine(bytes, position)
  }

  #readHead (bytes: Buffer, position: number): number {
    const isFirst = this.#text === ''
    if (isFirst) this.#listener?.onAnswerStarted()
    const before = this.#text.length
    const text = this.#text + bytes.toString('latin1', position, Math.min(bytes.length, position + LARGEST_HEAD + HEAD_END.length - before))
    if (isFirst && !text.startsWith(VERSION.slice(0, text.length))) throw new InvalidAnswerError('version')
    const end = text.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length))
    if (end === -1) {
      if (text.length > LARGEST_HEAD) throw new InvalidAnswerError('head is too long')
      this.#text = text
      return bytes.length
    }
    this.#text = ''
    this.#onHead(parseHead(text.slice(0, end), this.#method))
    return position + end + HEAD_END.length - before
  }

  #onHead (head: ResponseHead): void {
    if (UNASKED.has(head.status)) throw new InvalidAnswerError('interim answer')
    if (head.status < 200) return
    this.#head = head
    const { bodyLength } = head
    this.#left = bodyLength === UNTIL_CLOSE ? Infinity : bodyLength
    this.#expected = bodyLength === CHUNKED ? 'chunk-line' : bodyLength === UNTIL_CLOSE ? 'close' : bodyLength > 0 ? 'body' : 'nothing'
    this.#wantsMore = true
    this.#listener?.onHead(head)
  }

  #readBody (bytes: Buffer, position: number): number {
    const end = Math.min(bytes.length, position + this.#left)
    this.#left -= end - position
    // As it came if it is all of the body: whoever gets a whole buffer may free it.
    const piece = position === 0 && end === bytes.length ? bytes : bytes.subarray(position, end)
    if (this.#left === 0) this.#expected = this.#expected === 'chunk' ? 'chunk-end' : 'nothing'
    this.#wantsMore = this.#listener?.onBody(piece) ?? true
    return end
  }

  /** Reads what stands between chunks and after them, a line at a time. */
  #readLine (bytes: Buffer, position: number): number {
    const before = this.#text.length
    const text = this.#text + bytes.toString('latin1', position, Math.min(bytes.length, position + LARGEST_HEAD))
    const end = text.indexOf(LINE_END, Math.max(0, before - 1))
    if ((end === -1 ? text.length : end) > LARGEST_HEAD) throw new InvalidAnswerError('line is too long')
    if (end === -1) {
      if (text.length - before < bytes.length - position) throw new InvalidAnswerError('line is too long')
      this.#text = text
      return bytes.length
    }
    this.#text = ''
    this.#onLine(text.slice(0, end))
    return position + end + LINE_END.length - before
  }

  #onLine (line: string): void {
    if (this.#expected === 'chunk-line') this.#onChunkLine(line)
    else if (this.#expected === 'chunk-end') this.#onChunkEnd(line)
    else this.#onTrailer(line)
  }

  #onChunkLine (line: string): void {
    const size = CHUNK_LINE.exec(line)?.[1]
    if (size === undefined) throw new InvalidAnswerError('chunk')
    this.#left = Number.parseInt(size, 16)
    this.#trailerBytes = 0
    this.#expected = this.#left === 0 ? 'trailers' : 'chunk'
  }

  #onChunkEnd (line: string): void {
    if (line !== '') throw new InvalidAnswerError('end of a chunk')
    this.#expected = 'chunk-line'
  }

  /** Trailers are not passed on. */
  #onTrailer (line: string): void {
    this.#trailerBytes += line.length
    if (line === '') this.#expected = 'nothing'
    else if (this.#trailerBytes > LARGEST_HEAD || !TRAILER_LINE.test(line)) throw new InvalidAnswerError('trailer')
  }
}
