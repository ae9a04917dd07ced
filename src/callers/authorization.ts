/**
 * Parses a caller's `Authorization` header, Basic or Bearer (RFC 9110 section 11.6.2). It checks the form only; the caller registry checks
 * the credentials.
 */

/** Scheme and credentials. Several spaces between them are allowed (RFC 9110 section 11.4). */
const CREDENTIALS = /^([A-Za-z]+) +([\x21-\x7e]+)$/

/** Base64 (RFC 4648 section 4); some clients omit the padding. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** `Basic` (RFC 7617) with both its parts, or `Bearer` (RFC 6750). */
export type CallerCredentials =
  | { readonly scheme: 'basic', readonly name: string, readonly secret: string }
  | { readonly scheme: 'bearer', readonly token: string }

/** Parses the value of an `Authorization` header; undefined if it is invalid or of another scheme. Never throws. */
export function parseAuthorization (value: string | undefined): CallerCredentials | undefined {
  const [, scheme = '', credentials = ''] = CREDENTIALS.exec(value ?? '') ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer': return { scheme: 'bearer', token: credentials }
    case 'basic': return parseBasic(credentials)
    default: return undefined
  }
}

/** The name ends at the first colon; the secret may hold more of them (RFC 7617 section 2). */
function parseBasic (credentials: string): CallerCredentials | undefined {
  if (!BASE64.test(credentials)) return undefined
  const text = Buffer.from(credentials, 'base64').toString('latin1')
  const colonAt = text.indexOf(':')
  return colonAt < 0 ? undefined : { scheme: 'basic', name: text.slice(0, colonAt), secret: text.slice(colonAt + 1) }
}
