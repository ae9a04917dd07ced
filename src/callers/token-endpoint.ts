/**
 * Local token endpoint: serves AMSU's token calls, so that an app that fetches its own token works unchanged. Calls, fields and responses
 * are AMSU's. The issued placeholder token is useless at AMSU.
 */
import { ProxyError } from '../errors.ts'
import type { CallerRegistry } from './caller-registry.ts'
import type { PlaceholderGrant } from './placeholder-token.ts'

/** Paths of the endpoints, in AMSU's spelling. */
export const TOKEN_PATHS = {
  token: '/amsu-analysis/v2/token',
  refreshment: '/amsu-analysis/v2/token/refreshment',
} as const

/** Errors in AMSU's form: the codes are AMSU's, the texts are ours. */
const REJECTIONS = {
  'COMMON.AUTHENTICATION_FAILED': 'The client id or the client secret is wrong.',
  'COMMON.INVALID_CREDENTIALS': 'The refresh token is invalid or has expired.',
} as const

/** The two endpoints. */
export type TokenEndpoint = keyof typeof TOKEN_PATHS

/** The two calls: `grant` takes a client id and secret, `renew` a refresh token. */
export type TokenEndpointCall = 'grant' | 'renew'

/** A response in AMSU's form. */
export type TokenResponse =
  | { readonly status: 200, readonly body: PlaceholderGrant }
  | { readonly status: 401, readonly body: { readonly error: { readonly code: keyof typeof REJECTIONS, readonly msg: string } } }

/** The call of `method` at `endpoint`, or undefined if AMSU has none. */
export function tokenEndpointCall (endpoint: TokenEndpoint, method: string): TokenEndpointCall | undefined {
  if (method === 'POST') return endpoint === 'token' ? 'grant' : 'renew'
  return method === 'PUT' && endpoint === 'token' ? 'renew' : undefined
}

/**
 * Handles a call.
 *
 * @param body text of the request body; see {@link readFields}
 * @throws {ProxyError} INVALID_TOKEN_REQUEST if a field is missing, empty or repeated
 */
export async function handleTokenCall (call: TokenEndpointCall, body: string, registry: CallerRegistry): Promise<TokenResponse> {
  const fields = readFields(body)
  switch (call) {
    case 'grant': return toResponse(await registry.grant(read(fields, 'client_id'), read(fields, 'client_secret')), 'COMMON.AUTHENTICATION_FAILED')
    case 'renew': return toResponse(await registry.renew(read(fields, 'refresh_token')), 'COMMON.INVALID_CREDENTIALS')
  }
}

/**
 * Parses the fields of a body. The body itself, not its `Content-Type`, decides the format: a JSON object, or else a form
 * (application/x-www-form-urlencoded, the only format AMSU documents). Only strings of a JSON object count. Never throws.
 */
export function readFields (body: string): URLSearchParams {
  if (!body.trimStart().startsWith('{')) return new URLSearchParams(body)
  try {
    const fields = Object.entries(JSON.parse(body) as object)
    return new URLSearchParams(fields.filter((field): field is [string, string] => typeof field[1] === 'string'))
  } catch {
    return new URLSearchParams()
  }
}

/** Reads a field. A repeated field is rejected as ambiguous (RFC 6749 section 3.2). */
function read (fields: URLSearchParams, name: string): string {
  const [value, ...more] = fields.getAll(name)
  if (value === undefined || value === '' || more.length > 0) throw new ProxyError('INVALID_TOKEN_REQUEST')
  return value
}

function toResponse (grant: PlaceholderGrant | undefined, code: keyof typeof REJECTIONS): TokenResponse {
  return grant === undefined ? { status: 401, body: { error: { code, msg: REJECTIONS[code] } } } : { status: 200, body: grant }
}
