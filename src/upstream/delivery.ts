/**
 * One request on its way to AMSU: queued, on a connection, or over. What whoever sent it holds in hand.
 */
import type { AnswerListener } from './response-reader.ts'

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
export interface DeliveryListener extends AnswerListener {
  /**
   * A connection is there and nothing has been written: the last moment to say no, by false. Then nothing follows either.
   *
   * @param isReused whether it has carried another request before
   */
  onConnected: (isReused: boolean) => boolean
  /** The request has been written whole. */
  onSent: () => void
  /** The answer is whole. */
  onEnd: () => void
  /** There is no answer, or no whole one. */
  onFailure: (cause: Error) => void
}

/** Sends requests. */
export interface Transport {
  send: (request: OutgoingRequest, listener: DeliveryListener) => Delivery
}

/** What a delivery needs of its connection. */
export interface Carrier {
  /** Reads on. */
  resume: () => void
  close: () => void
}

/** A request that has been handed over. */
export class Delivery {
  readonly request: OutgoingRequest
  readonly listener: DeliveryListener
  /** When it began to wait for a connection; the pool's. */
  queuedAtMs = 0
  /** Since when it has been in the queue, without the time for which it had a connection in view; the queue's. */
  inQueueSinceMs = 0
  readonly #onForgotten: (delivery: Delivery) => void
  #carrier: Carrier | undefined
  #isOver = false

  /** @param onForgotten called when it is aborted before it was on a connection */
  constructor (request: OutgoingRequest, listener: DeliveryListener, onForgotten: (delivery: Delivery) => void) {
    this.request = request
    this.listener = listener
    this.#onForgotten = onForgotten
  }

  /** Whether the listener hears nothing more. */
  get isOver (): boolean {
    return this.#isOver
  }

  /** Is on this connection from now on. */
  boards (carrier: Carrier): void {
    this.#carrier = carrier
  }

  /** There is nothing left to abort. */
  end (): void {
    this.#isOver = true
    this.#carrier = undefined
  }

  /** There is no response, or no whole one; the listener hears why. */
  fail (cause: Error): void {
    if (this.#isOver) return
    this.end()
    this.listener.onFailure(cause)
  }

  /** Takes it out of the queue, or cuts its connection. The listener hears nothing more. */
  abort (): void {
    if (this.#isOver) return
    const carrier = this.#carrier
    this.end()
    if (carrier === undefined) this.#onForgotten(this)
    else carrier.close()
  }

  /** The listener can take more of the answer's body. */
  resume (): void {
    this.#carrier?.resume()
  }
}
