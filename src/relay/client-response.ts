/**
 * AMSU's response on its way to the client: head, body and end, written straight to the response, with backpressure. The head waits for
 * the first piece of the body or for the end: until then nothing has gone to the client, and a fault can still become a local reply.
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
import { lingerOnClose } from './local-reply.ts'

/** Bytes of a response that is cheaper to copy behind its head than to write beside it. */
const MAX_TEXT_BYTES = 16_384

/** Passes one response on. */
export class ClientResponse {
  readonly #context: RelayContext
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #requestId: string
  readonly #onResume: () => void
  /** The head, until there is something to write behind it. */
  #head: ResponseHead | undefined
  #isPaused = false
  #expectedBytes: number | undefined
  #bytes = 0

  /** @param onResume called when the client can take more after {@link write} has said that it cannot */
  constructor (context: RelayContext, req: IncomingMessage, res: ServerResponse, requestId: string, onResume: () => void) {
    this.#context = context
    this.#req = req
    this.#res = res
    this.#requestId = requestId
    this.#onResume = onResume
  }

  /** Bytes of the body so far. */
  get bytes (): number {
    return this.#bytes
  }

  /** Whether the client knows from the head how the body ends: by its length or in chunks, not with the connection. */
  get isFramed (): boolean {
    return this.#req.httpVersionMinor > 0 || !Number.isNaN(this.#expectedBytes ?? NaN)
  }

  /** The status that stands for how the exchange ended: what the client was told, or that it has left. */
  statusToLog (error: ProxyError | undefined): number {
    const { headersSent, statusCode, writableFinished } = this.#res
    if (error !== undefined && !headersSent) return error.status
    return writableFinished || error !== undefined ? statusCode : CLIENT_CLOSED_REQUEST
  }

  /** Takes the head; it is written together with what comes next. */
  writeHead (head: ResponseHead): void {
    this.#head = head
  }

  /** Writes a piece of the body; false when the client can take no more for now. Throws if the head cannot be passed on. */
  write (chunk: Buffer): boolean {
    this.#flushHead()
    this.#bytes += chunk.length
    // A whole response in one chunk leaves together with its head; as a string, because a buffer would go beside the head in a writev,
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

  /** Ends the response. Throws if the head cannot be passed on. */
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
    if (isEarly) lingerOnClose(this.#req)
    headers.push('X-Request-Id', this.#requestId)
    if (isEarly || isDraining()) headers.push('Connection', 'close')
    headers.push(...corsHeaders(this.#res))
    this.#expectedBytes = Number(headerValue(headers, 'content-length'))
    this.#res.writeHead(head.status, statusText, headers)
  }
}
