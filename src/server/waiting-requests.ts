/**
 * Pipelined requests that wait for the request in flight, and the limits of what a client may send ahead.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ProxyError } from '../errors.ts'

/**
 * Limits of pipelined requests that wait, of the bytes read for them, and of their header fields. What a client sends beyond that is
 * discarded, and the connection closes after the last waiting request.
 */
const MAX_WAITING = 64
const MAX_WAITING_BYTES = 65_536
const MAX_WAITING_FIELDS = 2_000

/** A request whose head was read, and the error to reject it with, if any. */
export interface ReadRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  error: ProxyError | undefined
}

/** A socket's byte counter. */
type BytesRead = Pick<Socket, 'bytesRead'>

/** The waiting requests of one connection. */
export class WaitingRequests {
  readonly #requests: ReadRequest[] = []
  /** Bytes read on the socket when the first of them arrived. */
  #fromBytes = 0
  /** Header fields of those that have waited since. */
  #fields = 0

  get isEmpty (): boolean {
    return this.#requests.length === 0
  }

  /**
   * Whether no further request may wait. The byte counter is read only if one waits, because reading it is a native call.
   *
   * @param socket the connection's socket
   */
  isFull (socket: BytesRead): boolean {
    if (this.isEmpty) return false
    return this.#requests.length >= MAX_WAITING || this.#fields > MAX_WAITING_FIELDS || socket.bytesRead - this.#fromBytes > MAX_WAITING_BYTES
  }

  /** Adds a request as the last one. */
  add (request: ReadRequest, socket: BytesRead): void {
    if (this.isEmpty) {
      this.#fromBytes = socket.bytesRead
      this.#fields = 0
    }
    this.#fields += request.req.rawHeaders.length / 2
    this.#requests.push(request)
  }

  /** Takes the first request; undefined if there is none. */
  take (): ReadRequest | undefined {
    return this.#requests.shift()
  }

  clear (): void {
    this.#requests.length = 0
  }
}
