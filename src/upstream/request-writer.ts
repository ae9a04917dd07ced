/**
 * HTTP/1.1 request writer of one connection, with as few system calls as possible: the head is written together with the first chunk of
 * the body. Short chunks are appended as text, because a buffer after the head becomes a `writev`, which costs twice as much as a `write`.
 */
import type { Socket } from 'node:net'
import { SHORT_CHUNK_BYTES } from '../chunk-joiner.ts'
import { UnsendableRequestError } from './errors.ts'
import { releaseBuffer } from './memory.ts'
import type { BodySink, OutgoingRequest } from './pending-request.ts'

/** Up to this size, appending a chunk to the head as text is cheaper than a separate write. */
const MAX_TEXT_BYTES = 16_384

/** Characters that no head may hold (header injection): a line break would start another header, and so could the low byte of a wider character. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/
const UNSENDABLE_IN_FIRST_LINE = /[^\x21-\x7e\x80-\xff]/

/** Methods that send `Content-Length: 0` without a body (RFC 9110 section 8.6). */
const EXPECTING_A_BODY = new Set(['PATCH', 'POST', 'PUT'])

const LAST_CHUNK = '0\r\n\r\n'

/** Writes one request after the other. */
export class RequestWriter implements BodySink {
  readonly #socket: Socket
  /** The head, until the first chunk of the body is written. */
  #head = ''
  #isChunked = false
  #onRequestSent: () => void = nothing
  /** Whether the body waits until a short chunk is written. */
  #isShortWaiting = false
  readonly #onShortWritten: (error?: Error | null) => void

  /** @param onDrain called when the body may go on although the socket does not emit `drain` */
  constructor (socket: Socket, onDrain: () => void = nothing) {
    this.#socket = socket
    this.#onShortWritten = error => {
      if (!this.#isShortWaiting || error != null) return
      this.#isShortWaiting = false
      onDrain()
    }
  }

  /**
   * Writes a request. The next one must wait until `onRequestSent` has been called.
   *
   * @param closeAfter whether the connection closes after it
   * @throws {UnsendableRequestError} if its head holds invalid characters; then nothing was written
   */
  send (request: OutgoingRequest, closeAfter: boolean, onRequestSent: () => void): void {
    const { body } = request
    if (!isSendable(request)) throw new UnsendableRequestError()
    this.#isChunked = body !== undefined && !hasLength(request.headers)
    this.#head = headOf(request, this.#isChunked, closeAfter)
    this.#onRequestSent = onRequestSent
    if (body === undefined) {
      this.end()
    } else if (Buffer.isBuffer(body)) {
      this.write(body, false)
      this.end()
    } else {
      body.start(this)
    }
  }

  write (chunk: Buffer, mayRelease: boolean): boolean {
    if (chunk.length === 0) return true // an empty chunk would end a chunked body
    const head = this.#takeHead()
    const before = this.#isChunked ? `${head}${chunk.length.toString(16)}\r\n` : head
    const after = this.#isChunked ? '\r\n' : ''
    if (chunk.length < SHORT_CHUNK_BYTES) return this.#writeShort(before + chunk.toString('latin1') + after)
    if (chunk.length <= MAX_TEXT_BYTES && before !== '') return this.#socket.write(before + chunk.toString('latin1') + after, 'latin1')
    const onWritten = mayRelease ? (error?: Error | null) => { if (error == null) releaseBuffer(chunk) } : undefined
    if (before === '') return this.#socket.write(chunk, onWritten)
    this.#socket.cork()
    this.#socket.write(before, 'latin1')
    const takesMore = this.#socket.write(chunk, onWritten)
    if (after !== '') this.#socket.write(after, 'latin1')
    this.#socket.uncork()
    return takesMore
  }

  /** Writes one short chunk at a time: the socket counts bytes, and would hold thousands of them. */
  #writeShort (text: string): boolean {
    const takesMore = this.#socket.write(text, 'latin1', this.#onShortWritten)
    this.#isShortWaiting = this.#socket.writableLength > 0
    return takesMore && !this.#isShortWaiting
  }

  end (): void {
    const tail = this.#takeHead() + (this.#isChunked ? LAST_CHUNK : '')
    if (tail !== '') this.#socket.write(tail, 'latin1')
    const onRequestSent = this.#onRequestSent
    this.#onRequestSent = nothing // drops the reference: a long-lived connection would keep it in memory
    onRequestSent()
  }

  #takeHead (): string {
    const head = this.#head
    this.#head = ''
    return head
  }
}

function nothing (): void {}

/** A last check. The guards and Node's parser have already rejected anything else that a client sends. */
function isSendable ({ headers, method, target }: OutgoingRequest): boolean {
  return !UNSENDABLE_IN_FIRST_LINE.test(method + target) && !UNSENDABLE.test(headers.join(''))
}

function headOf ({ body, headers, method, target }: OutgoingRequest, isChunked: boolean, closeAfter: boolean): string {
  let head = `${method} ${target} HTTP/1.1\r\n`
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
  if (isChunked) head += 'transfer-encoding: chunked\r\n'
  else if (body === undefined && EXPECTING_A_BODY.has(method) && !hasLength(headers)) head += 'content-length: 0\r\n'
  return `${head}connection: ${closeAfter ? 'close' : 'keep-alive'}\r\n\r\n`
}

function hasLength (headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length === 14 && name.toLowerCase() === 'content-length') return true
  }
  return false
}
