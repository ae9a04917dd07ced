/**
 * The forward proxy of a network from which AMSU can not be reached directly. It is asked in one of two ways
 * (docs/internals/decisions/0006-commands-and-forward-proxy.md): for https by a tunnel (RFC 9110 section 9.3.6), for http by the absolute form
 * of a request (RFC 9112 section 3.2.2).
 */
import { Secret } from '../secrets/secret.ts'

/** The port of an http URL without one. */
const HTTP_PORT = 80

/** How a {@link ForwardProxyError} is known. */
export const FORWARD_PROXY_ERROR = 'ERR_FORWARD_PROXY'

/** Where the forward proxy is, and how it knows us. */
export interface ForwardProxy {
  /** Name or address, an IPv6 address without brackets. */
  readonly host: string
  readonly port: number
  /** Value of `Proxy-Authorization` (RFC 7617 section 2); it is for this proxy alone and never sent further. */
  readonly authorization: Secret | undefined
  /** What must not be seen of it: the password, or the name where there is no password. */
  readonly secret: Secret | undefined
}

/** The forward proxy did not let a request through. AMSU has seen nothing of it. */
export class ForwardProxyError extends Error {
  readonly code = FORWARD_PROXY_ERROR
  /** What it answered; undefined when it could not be reached or spoke no HTTP. */
  readonly status: number | undefined

  constructor (status: number | undefined, cause?: unknown) {
    super(status === undefined ? 'the forward proxy can not be reached' : `the forward proxy answered ${status}`, cause === undefined ? undefined : { cause })
    this.name = 'ForwardProxyError'
    this.status = status
  }
}

/** Reads `http://[user:password@]host:port`; undefined when it is anything else. */
export function parseForwardProxy (text: string): ForwardProxy | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.protocol !== 'http:' || url.pathname !== '/' || url.search !== '' || url.hash !== '') return undefined
  const user = decode(url.username)
  const password = decode(url.password)
  // The first colon ends the name (RFC 7617 section 2), so a name can not hold one.
  if (user === undefined || password === undefined || user.includes(':')) return undefined
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? HTTP_PORT : Number(url.port)
  if (user === '' && password === '') return { host, port, authorization: undefined, secret: undefined }
  const authorization = new Secret(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`)
  return { host, port, authorization, secret: new Secret(password === '' ? user : password) }
}

/** A URL's user or password as it was meant; undefined for a broken percent-encoding. */
function decode (text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
