/**
 * Parses the forward proxy setting (`AMSU_HTTP_PROXY`), for a network from which AMSU cannot be reached directly. https uses a CONNECT
 * tunnel (RFC 9110 section 9.3.6), http the absolute form of a request (RFC 9112 section 3.2.2); see
 * docs/internals/decisions/0006-commands-and-forward-proxy.md.
 */
import { Secret } from '../secrets/secret.ts'

/** The port of an http URL without one. */
const HTTP_PORT = 80

/** The `code` of a {@link ForwardProxyError}. */
export const FORWARD_PROXY_ERROR = 'ERR_FORWARD_PROXY'

/** Address and credentials of the forward proxy. */
export interface ForwardProxy {
  /** Name or address, an IPv6 address without brackets. */
  readonly host: string
  readonly port: number
  /** Value of `Proxy-Authorization` (RFC 7617 section 2); it is sent to the forward proxy only. */
  readonly authorization: Secret | undefined
  /** The secret to mask: the password, or the user name if there is no password. */
  readonly secret: Secret | undefined
}

/** The forward proxy did not forward a request. Nothing of it reached AMSU. */
export class ForwardProxyError extends Error {
  readonly code = FORWARD_PROXY_ERROR
  /** Status of its response; undefined if it could not be reached or did not speak HTTP. */
  readonly status: number | undefined

  constructor (status: number | undefined, cause?: unknown) {
    super(status === undefined ? 'the forward proxy cannot be reached' : `the forward proxy responded ${status}`, cause === undefined ? undefined : { cause })
    this.name = 'ForwardProxyError'
    this.status = status
  }
}

/** Parses `http://[user:password@]host:port`; undefined for anything else. */
export function parseForwardProxy (text: string): ForwardProxy | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.protocol !== 'http:' || url.pathname !== '/' || url.search !== '' || url.hash !== '') return undefined
  const user = decode(url.username)
  const password = decode(url.password)
  // The first colon ends the name (RFC 7617 section 2), so a name cannot hold one.
  if (user === undefined || password === undefined || user.includes(':')) return undefined
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? HTTP_PORT : Number(url.port)
  if (user === '' && password === '') return { host, port, authorization: undefined, secret: undefined }
  const authorization = new Secret(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`)
  return { host, port, authorization, secret: new Secret(password === '' ? user : password) }
}

/** Decodes a URL's user or password; undefined for an invalid percent-encoding. */
function decode (text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
