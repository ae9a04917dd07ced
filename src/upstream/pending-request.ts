/**
 * A pending request to AMSU (queued, on a connection, or done), and the types of the transport.
 */
import type { ResponseHandler } from './response-parser.ts'

/** A request as it is written. */
export interface OutgoingRequest {
  readonly method: string
  /** The request target, as written in the request line. */
  readonly target: string
  /** Flat names and values, with `Host` and `Content-Length`, without hop-by-hop headers. */
  readonly headers: readonly string[]
  /** A streamed body or a complete one. Without a `Content-Length` it is sent with chunked coding. */
  readonly body: BodySource | Buffer | undefined
  /** How long earlier attempts of the request, of which nothing was sent, have waited for a connection. @default 0 */
  readonly queuedMs?: number
}

/** A streamed request body. */
export interface BodySource {
  /** Starts writing to the sink. */
  start: (sink: BodySink) => void
  /** The sink takes more again, after it has returned false. */
  resume: () => void
  /** The sink takes no more: the remainder is dropped. */
  destroy: () => void
}

/** The destination of a body. */
export interface BodySink {
  /**
   * Writes a chunk. Returns false for backpressure.
   *
   * @param mayRelease whether nobody else uses the chunk: its memory is released once it is written
   */
  write: (chunk: Buffer, mayRelease: boolean) => boolean
  /** The body is complete. */
  end: () => void
}

/** Receives the events of a request, in this order. Nothing follows `onResponseEnd` or `onResponseError`. */
export interface RequestHandler extends ResponseHandler {
  /**
   * There is a connection, and nothing was written yet. Return false to withdraw the request; then nothing follows either.
   *
   * @param isReused whether the connection was used for another request before
   */
  onConnected: (isReused: boolean) => boolean
  /** The complete request was written. */
  onRequestSent: () => void
  /** The response is complete. */
  onResponseEnd: () => void
  /** There is no response, or it is incomplete. */
  onResponseError: (cause: Error) => void
}

/** Sends requests. */
export interface Transport {
  send: (request: OutgoingRequest, handler: RequestHandler) => PendingRequest
}

/** The connection of a request, as the request uses it. */
export interface ConnectionHandle {
  /** Resumes reading. */
  resume: () => void
  close: () => void
}

/** A request that was handed to the transport. */
export class PendingRequest {
  readonly request: OutgoingRequest
  readonly handler: RequestHandler
  /** When it began to wait for a connection, earlier by the time that earlier attempts have waited; set by the pool. */
  queuedAtMs = 0
  /** Since when it has been in the queue, not counting the time in which a connection was assigned; set by the queue. */
  inQueueSinceMs = 0
  readonly #onUnqueued: (pending: PendingRequest) => void
  #connection: ConnectionHandle | undefined
  #isDone = false

  /** @param onUnqueued called if it is aborted before it has a connection */
  constructor (request: OutgoingRequest, handler: RequestHandler, onUnqueued: (pending: PendingRequest) => void) {
    this.request = request
    this.handler = handler
    this.#onUnqueued = onUnqueued
  }

  /** Whether the handler gets no further call. */
  get isDone (): boolean {
    return this.#isDone
  }

  /** Assigns the request to a connection. */
  assignTo (connection: ConnectionHandle): void {
    this.#connection = connection
  }

  /** Marks the request as done: there is nothing left to abort. */
  end (): void {
    this.#isDone = true
    this.#connection = undefined
  }

  /** Fails the request: the handler gets `cause`. */
  fail (cause: Error): void {
    if (this.#isDone) return
    this.end()
    this.handler.onResponseError(cause)
  }

  /** Removes the request from the queue, or closes its connection. The handler gets no further call. */
  abort (): void {
    if (this.#isDone) return
    const connection = this.#connection
    this.end()
    if (connection === undefined) this.#onUnqueued(this)
    else connection.close()
  }

  /** Resumes the response body after backpressure. */
  resume (): void {
    this.#connection?.resume()
  }
}
