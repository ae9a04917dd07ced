/**
 * Local token endpoint: serves AMSU's token calls, so that an app that fetches its own token works unchanged. Calls, fields and responses
 * are AMSU's. The issued placeholder token is useless at AMSU.
 */
import { ProxyError, type LoginError } from '../errors.ts'
import type { CallerRegistry } from './caller-registry.ts'
import type { PlaceholderGrant } from './placeholder-token.ts'

/** Paths of the endpoints, in AMSU's spelling. */
export const TOKEN_PATHS = {
  token: '/amsu-analysis/v2/token',
  refreshment: '/amsu-analysis/v2/token/refreshment',
} as const

/** What a rejected login says, by call. */
const REJECTIONS: Readonly<Record<TokenEndpointCall, LoginError>> = {
  grant: { code: 'COMMON.AUTHENTICATION_FAILED', msg: 'The client id or the client secret is wrong.' },
  refresh: { code: 'COMMON.INVALID_CREDENTIALS', msg: 'The refresh token is invalid or has expired.' },
}

/** The two endpoints. */
export type TokenEndpoint = keyof typeof TOKEN_PATHS

/** The two calls: `grant` takes a client id and secret, `refresh` a refresh token. */
export type TokenEndpointCall = 'grant' | 'refresh'

/** The call of `method` at `endpoint`, or undefined if AMSU has none. */
export function tokenEndpointCall (endpoint: TokenEndpoint, method: string): TokenEndpointCall | undefined {
  if (method === 'POST') return endpoint === 'token' ? 'grant' : 'refresh'
  return method === 'PUT' && endpoint === 'token' ? 'refresh' : undefined
}

/**
 * Handles a call.
 *
 * @param body text of the request body; see {@link readFields}
 * @returns the response body, in AMSU's form
 * @throws {ProxyError} INVALID_TOKEN_REQUEST if a field is missing, empty or repeated; CALLER_UNAUTHENTICATED for wrong credentials
 */
export async function handleTokenCall (call: TokenEndpointCall, body: string, registry: CallerRegistry): Promise<PlaceholderGrant> {
  const fields = readFields(body)
  const grant = call === 'grant'
    ? await registry.grant(read(fields, 'client_id'), read(fields, 'client_secret'))
    : await registry.refresh(read(fields, 'refresh_token'))
  if (grant === undefined) throw new ProxyError('CALLER_UNAUTHENTICATED', { login: REJECTIONS[call] })
  return grant
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
