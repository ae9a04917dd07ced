/**
 * One request on its way to AMSU: queued, on a connection, or over. What whoever sent it holds in hand.
 */
import type { ResponseHandler } from './response-parser.ts'

/** A request as it is to be written. */
export interface OutgoingRequest {
  readonly method: string
  /** The request target, as it stands in the first line. */
  readonly target: string
  /** Flat names and values, `Host` and `Content-Length` among them, but none that speaks of the connection. */
  readonly headers: readonly string[]
  /** What is streamed, or a whole body; without a `Content-Length` it is sent in chunks. */
  readonly body: BodySource | Buffer | undefined
}

/** A body that is read while it is sent. */
export interface BodySource {
  /** Begins to write. */
  start: (sink: BodySink) => void
  /** The sink takes more, after it has said that it does not. */
  resume: () => void
  /** Nobody takes the rest. */
  destroy: () => void
}

/** Where a body goes. */
export interface BodySink {
  /**
   * Takes a piece; false when there should be no more for now.
   *
   * @param mayFree whether nobody else has any more use for the bytes: their memory is freed once they are written
   */
  write: (chunk: Buffer, mayFree: boolean) => boolean
  /** The body is whole. */
  end: () => void
}

/** Told what becomes of a request, in this order. After `onEnd` or `onFailure` nothing follows. */
export interface RequestHandler extends ResponseHandler {
  /**
   * A connection is there and nothing has been written: the last moment to say no, by false. Then nothing follows either.
   *
   * @param isReused whether it has carried another request before
   */
  onConnected: (isReused: boolean) => boolean
  /** The request has been written whole. */
  onRequestSent: () => void
  /** The answer is whole. */
  onResponseEnd: () => void
  /** There is no answer, or no whole one. */
  onResponseError: (cause: Error) => void
}

/** Sends requests. */
export interface Transport {
  send: (request: OutgoingRequest, handler: RequestHandler) => PendingRequest
}

/** What a delivery needs of its connection. */
export interface ConnectionHandle {
  /** Reads on. */
  resume: () => void
  close: () => void
}

/** A request that has been handed over. */
export class PendingRequest {
  readonly request: OutgoingRequest
  readonly handler: RequestHandler
  /** When it began to wait for a connection; the pool's. */
  queuedAtMs = 0
  readonly #onUnqueued: (pending: PendingRequest) => void
  #connection: ConnectionHandle | undefined
  #isDone = false

  /** @param onUnqueued called when it is aborted before it was on a connection */
  constructor (request: OutgoingRequest, handler: RequestHandler, onUnqueued: (pending: PendingRequest) => void) {
    this.request = request
    this.handler = handler
    this.#onUnqueued = onUnqueued
  }

  /** Whether the listener hears nothing more. */
  get isDone (): boolean {
    return this.#isDone
  }

  /** Is on this connection from now on. */
  assignTo (connection: ConnectionHandle): void {
    this.#connection = connection
  }

  /** There is nothing left to abort. */
  end (): void {
    this.#isDone = true
    this.#connection = undefined
  }

  /** There is no response, or no whole one; the listener hears why. */
  fail (cause: Error): void {
    if (this.#isDone) return
    this.end()
    this.handler.onResponseError(cause)
  }

  /** Takes it out of the queue, or cuts its connection. The listener hears nothing more. */
  abort (): void {
    if (this.#isDone) return
    const connection = this.#connection
    this.end()
    if (connection === undefined) this.#onUnqueued(this)
    else connection.close()
  }

  /** The listener can take more of the answer's body. */
  resume (): void {
    this.#connection?.resume()
  }
}
