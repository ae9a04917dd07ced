/**
 * How a connection to AMSU fails where Node.js has no error of its own.
 */

/** How a {@link ConnectTimeoutError} is known. */
export const CONNECT_TIMEOUT_ERROR = 'ERR_CONNECT_TIMEOUT'

/** How an {@link InvalidResponseError} is known. */
export const INVALID_RESPONSE_ERROR = 'ERR_INVALID_RESPONSE'

/** How a {@link ConnectionEndedError} is known. */
export const CONNECTION_ENDED_ERROR = 'ERR_CONNECTION_ENDED'

/** How a {@link NoConnectionError} is known. */
export const NO_CONNECTION_ERROR = 'ERR_NO_CONNECTION'

/** How an {@link UnsendableRequestError} is known. */
export const UNSENDABLE_REQUEST_ERROR = 'ERR_UNSENDABLE_REQUEST'

/** There was no connection in time: DNS, TCP, the forward proxy or the TLS handshake took too long. */
export class ConnectTimeoutError extends Error {
  readonly code = CONNECT_TIMEOUT_ERROR

  constructor () {
    super('no connection in time')
    this.name = 'ConnectTimeoutError'
  }
}

/** What came is not HTTP, or not an answer to what was asked. */
export class InvalidResponseError extends Error {
  readonly code = INVALID_RESPONSE_ERROR

  /** @param part what does not hold, in words of ours: what came is never repeated */
  constructor (part: string) {
    super(`the answer is not valid HTTP: ${part}`)
    this.name = 'InvalidResponseError'
  }
}

/** AMSU closed the connection before its answer was whole, or the proxy is stopping. */
export class ConnectionEndedError extends Error {
  readonly code = CONNECTION_ENDED_ERROR

  constructor () {
    super('the connection was closed')
    this.name = 'ConnectionEndedError'
  }
}

/** A request waited too long for a connection: all were busy, and no further one was made. Nothing of it was sent. */
export class NoConnectionError extends Error {
  readonly code = NO_CONNECTION_ERROR

  constructor () {
    super('no connection was free in time')
    this.name = 'NoConnectionError'
  }
}

/** A request that can not be written as one: its head holds a control character, or a character that is no byte. */
export class UnsendableRequestError extends Error {
  readonly code = UNSENDABLE_REQUEST_ERROR

  constructor () {
    super('the head of the request holds what can not be sent')
    this.name = 'UnsendableRequestError'
  }
}
