/**
 * Writes AMSU's response to the client, with backpressure: head, body and end. The head is buffered until the first chunk of the body or
 * the end: until then nothing was sent to the client, and a failure can still become a local reply.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ProxyError } from '../errors.ts'
import { corsHeaders } from '../guards/cors.ts'
import { headerValue } from '../upstream/header-value.ts'
import { releaseBuffer } from '../upstream/memory.ts'
import type { ResponseHead } from '../upstream/response-head.ts'
import { CLIENT_CLOSED_REQUEST, type RelayContext } from './context.ts'
import { hasBody } from './framing.ts'
import { clientResponseHead } from './headers.ts'
import { lingerForAcceptedClient } from './lingering-close.ts'

/** Up to this size, appending the body to the head as text is cheaper than a separate write. */
const MAX_TEXT_BYTES = 16_384

/** Forwards one response. */
export class ClientResponse {
  readonly #context: RelayContext
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #requestId: string
  readonly #onResume: () => void
  /** The head, until the first chunk or the end is written. */
  #head: ResponseHead | undefined
  #isPaused = false
  #expectedBytes: number | undefined
  #bytes = 0

  /** @param onResume called when the client can take more, after {@link write} has returned false */
  constructor (context: RelayContext, req: IncomingMessage, res: ServerResponse, requestId: string, onResume: () => void) {
    this.#context = context
    this.#req = req
    this.#res = res
    this.#requestId = requestId
    this.#onResume = onResume
  }

  /** Bytes of the body written so far. */
  get bytes (): number {
    return this.#bytes
  }

  /** Whether the head frames the body, by a length or by chunked coding. Otherwise the body ends when the connection closes. */
  get isFramed (): boolean {
    return this.#req.httpVersionMinor > 0 || !Number.isNaN(this.#expectedBytes ?? NaN)
  }

  /** The status for the log: the one the client got, or {@link CLIENT_CLOSED_REQUEST}. */
  statusToLog (error: ProxyError | undefined): number {
    const { headersSent, statusCode, writableFinished } = this.#res
    if (error !== undefined && !headersSent) return error.status
    // Node 20 reports a response as finished when its socket is destroyed.
    const isDelivered = writableFinished && !this.#req.socket.destroyed
    return isDelivered || error !== undefined ? statusCode : CLIENT_CLOSED_REQUEST
  }

  /** Sets the head. It is written together with the first chunk or the end. */
  writeHead (head: ResponseHead): void {
    this.#head = head
  }

  /** Writes a chunk of the body. Returns false for backpressure. Throws if the head cannot be forwarded. */
  write (chunk: Buffer): boolean {
    this.#flushHead()
    this.#bytes += chunk.length
    // A complete body in one chunk is written together with its head. As a string, because a buffer after the head becomes a writev,
    // which costs twice as much as a write.
    if (chunk.length === this.#expectedBytes) {
      if (chunk.length <= MAX_TEXT_BYTES) this.#res.end(chunk.toString('latin1'), 'latin1')
      else this.#res.end(chunk)
      return true
    }
    if (this.#res.write(chunk, error => { if (error == null) releaseBuffer(chunk) })) return true
    if (!this.#isPaused) this.#res.once('drain', () => { this.#resume() })
    this.#isPaused = true
    return false
  }

  /** Ends the response. Throws if the head cannot be forwarded. */
  end (): void {
    this.#flushHead()
    if (!this.#res.writableEnded) this.#res.end()
  }

  #resume (): void {
    this.#isPaused = false
    this.#onResume()
  }

  #flushHead (): void {
    const head = this.#head
    if (head === undefined) return
    this.#head = undefined
    const { callerOrigin, isDraining, isRevealing, onLeak, upstreamUrl } = this.#context
    const { headers, leaks, statusText } = clientResponseHead(head, { upstream: upstreamUrl, callerOrigin: () => callerOrigin(this.#req), isRevealing })
    if (leaks > 0) onLeak(leaks, this.#requestId)
    const isEarly = hasBody(this.#req) && !this.#req.complete
    if (isEarly) lingerForAcceptedClient(this.#req.socket)
    headers.push('X-Request-Id', this.#requestId)
    if (isEarly || isDraining()) headers.push('Connection', 'close')
    headers.push(...corsHeaders(this.#res))
    this.#expectedBytes = Number(headerValue(headers, 'content-length'))
    this.#res.writeHead(head.status, statusText, headers)
  }
}
