/**
 * The vendor's token endpoints, answered here, so that an app which fetches its own token keeps working unchanged: the same three
 * calls, the same fields, the same answer. What it gets is worthless at AMSU.
 */
import { ProxyError } from '../errors.ts'
import type { CallerRegistry } from './caller-registry.ts'
import type { PlaceholderGrant } from './placeholder-token.ts'

/** Paths of the endpoints, in AMSU's spelling. */
export const TOKEN_PATHS = {
  token: '/amsu-analysis/v2/token',
  refreshment: '/amsu-analysis/v2/token/refreshment',
} as const

/** AMSU's words for what is wrong; the codes are the vendor's, the texts are ours. */
const REJECTIONS = {
  'COMMON.AUTHENTICATION_FAILED': 'The client id or the client secret is wrong.',
  'COMMON.INVALID_CREDENTIALS': 'The refresh token is invalid or has expired.',
} as const

/** Which of the two endpoints. */
export type TokenEndpoint = keyof typeof TOKEN_PATHS

/** What a call is for: tokens for id and secret, or for a refresh token. */
export type TokenEndpointCall = 'grant' | 'renew'

/** An answer in AMSU's shape. */
export type TokenResponse =
  | { readonly status: 200, readonly body: PlaceholderGrant }
  | { readonly status: 401, readonly body: { readonly error: { readonly code: keyof typeof REJECTIONS, readonly msg: string } } }

/** The call that `method` makes at `endpoint`, or undefined if AMSU has none. */
export function tokenEndpointCall (endpoint: TokenEndpoint, method: string): TokenEndpointCall | undefined {
  if (method === 'POST') return endpoint === 'token' ? 'grant' : 'renew'
  return method === 'PUT' && endpoint === 'token' ? 'renew' : undefined
}

/**
 * Answers a call.
 *
 * @param body text of the request, as {@link readFields} takes it
 * @throws {ProxyError} INVALID_TOKEN_REQUEST when a field is missing, empty or given twice
 */
export async function handleTokenCall (call: TokenEndpointCall, body: string, registry: CallerRegistry): Promise<TokenResponse> {
  const fields = readFields(body)
  switch (call) {
    case 'grant': return toResponse(await registry.grant(read(fields, 'client_id'), read(fields, 'client_secret')), 'COMMON.AUTHENTICATION_FAILED')
    case 'renew': return toResponse(await registry.renew(read(fields, 'refresh_token')), 'COMMON.INVALID_CREDENTIALS')
  }
}

/**
 * Reads the fields of a body, by what it is and not by what it says it is: a JSON object, or else a form
 * (application/x-www-form-urlencoded, all that AMSU documents). Of an object only texts are fields. Never throws.
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

/** Two values of one field are none: whose would count? (RFC 6749 section 3.2) */
function read (fields: URLSearchParams, name: string): string {
  const [value, ...more] = fields.getAll(name)
  if (value === undefined || value === '' || more.length > 0) throw new ProxyError('INVALID_TOKEN_REQUEST')
  return value
}

function toResponse (grant: PlaceholderGrant | undefined, code: keyof typeof REJECTIONS): TokenResponse {
  return grant === undefined ? { status: 401, body: { error: { code, msg: REJECTIONS[code] } } } : { status: 200, body: grant }
}
