/**
 * Errors of connections to AMSU for which Node.js has no error: connect timeout, invalid response, connection ended, no connection.
 */

/** The `code` of a {@link ConnectTimeoutError}. */
export const CONNECT_TIMEOUT_ERROR = 'ERR_CONNECT_TIMEOUT'

/** The `code` of an {@link InvalidResponseError}. */
export const INVALID_RESPONSE_ERROR = 'ERR_INVALID_RESPONSE'

/** The `code` of a {@link ConnectionEndedError}. */
export const CONNECTION_ENDED_ERROR = 'ERR_CONNECTION_ENDED'

/** The `code` of an {@link UnsendableRequestError}. */
export const UNSENDABLE_REQUEST_ERROR = 'ERR_UNSENDABLE_REQUEST'

/** The connect timeout expired: DNS, TCP, the forward proxy or the TLS handshake took too long. */
export class ConnectTimeoutError extends Error {
  readonly code = CONNECT_TIMEOUT_ERROR

  constructor () {
    super('the connect timeout expired')
    this.name = 'ConnectTimeoutError'
  }
}

/** The response is not valid HTTP, or does not fit the request. */
export class InvalidResponseError extends Error {
  readonly code = INVALID_RESPONSE_ERROR

  /** @param part what is invalid, in our own words: received bytes are never repeated */
  constructor (part: string) {
    super(`the response is not valid HTTP: ${part}`)
    this.name = 'InvalidResponseError'
  }
}

/** AMSU closed the connection before its response was complete, or the proxy is stopping. */
export class ConnectionEndedError extends Error {
  readonly code = CONNECTION_ENDED_ERROR

  constructor () {
    super('the connection was closed')
    this.name = 'ConnectionEndedError'
  }
}

/** A request waited too long for a connection: all were in use, and the limit was reached. Nothing of it was sent. */
export class NoConnectionError extends Error {
  readonly code = 'ERR_NO_CONNECTION'

  constructor () {
    super('the request waited too long for a free connection')
    this.name = 'NoConnectionError'
  }
}

/** A request that cannot be written: its head holds a control character, or a character outside Latin-1. */
export class UnsendableRequestError extends Error {
  readonly code = UNSENDABLE_REQUEST_ERROR

  constructor () {
    super('the request head holds characters that cannot be sent')
    this.name = 'UnsendableRequestError'
  }
}
