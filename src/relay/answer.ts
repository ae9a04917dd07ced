/**
 * AMSU's answer on its way to the caller: head, body and end, written straight to the response.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { free } from '../upstream/memory.ts'
import { headerValue } from '../upstream/header-value.ts'
import type { ReceivedHead } from './bad-token.ts'
import type { RelayContext } from './context.ts'
import { corsHeaders } from './cors.ts'
import { hasBody } from './framing.ts'
import { inboundHeaders } from './headers.ts'
import { lingerOnClose } from './refusal.ts'

/** Bytes of an answer that is cheaper to copy behind its head than to write beside it. */
const LARGEST_STRING = 16_384

/** Passes one answer on. */
export class Answer {
  readonly #context: RelayContext
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #requestId: string
  readonly #onDrain: () => void
  #isHeldUp = false
  #expectedBytes: number | undefined
  #bytes = 0

  /** @param onDrain called when the caller can take more after {@link write} said that it can not */
  constructor (context: RelayContext, req: IncomingMessage, res: ServerResponse, requestId: string, onDrain: () => void) {
    this.#context = context
    this.#req = req
    this.#res = res
    this.#requestId = requestId
    this.#onDrain = onDrain
  }

  /** Bytes of the body so far. */
  get bytes (): number {
    return this.#bytes
  }

  /** Writes the head; throws if it can not be passed on. */
  begin ({ headers: received, status, statusText }: ReceivedHead): void {
    const { callerOrigin, isDraining, isRevealing, onLeak, upstreamUrl } = this.#context
    const { headers, leaks } = inboundHeaders(received, { upstream: upstreamUrl, callerOrigin: () => callerOrigin(this.#req), isRevealing })
    if (leaks > 0) onLeak(leaks, this.#requestId)
    const isEarly = hasBody(this.#req) && !this.#req.complete
    if (isEarly) lingerOnClose(this.#req)
    headers.push('X-Request-Id', this.#requestId)
    if (isEarly || isDraining()) headers.push('Connection', 'close')
    headers.push(...corsHeaders(this.#res))
    this.#expectedBytes = Number(headerValue(headers, 'content-length'))
    this.#res.writeHead(status, statusText, headers)
    // These have no body whatever their Content-Length says (RFC 9110 section 6.4.1).
    if (status === 204 || status === 304) this.#res.end()
  }

  /** Writes a piece of the body; false when the caller can take no more for now. */
  write (chunk: Buffer): boolean {
    this.#bytes += chunk.length
    // A whole answer in one chunk leaves together with its head; as a string, because a buffer would go beside the head in a writev,
    // which costs twice as much as a write.
    if (chunk.length === this.#expectedBytes) {
      if (chunk.length <= LARGEST_STRING) this.#res.end(chunk.toString('latin1'), 'latin1')
      else this.#res.end(chunk)
      return true
    }
    if (this.#res.write(chunk, error => { if (error == null) free(chunk) })) return true
    if (!this.#isHeldUp) this.#res.once('drain', () => { this.#resume() })
    this.#isHeldUp = true
    return false
  }

  #resume (): void {
    this.#isHeldUp = false
    this.#onDrain()
  }

  end (): void {
    if (!this.#res.writableEnded) this.#res.end()
  }
}
