/**
 * CORS headers and preflight responses for browser pages of allowed origins (WHATWG Fetch, CORS protocol). No Fastify plugin is used,
 * because relayed responses bypass Fastify and would lack its headers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RELAYED_METHODS } from '../errors.ts'

/** How long a browser may cache the response to a preflight, in seconds. */
const PREFLIGHT_LIFE_SECONDS = 600

/** Response headers that a page may read besides the safelisted ones. */
const EXPOSED_HEADERS = 'X-Request-Id, X-Amsu-Proxy-Error, Retry-After, Location'

/** Property that stores the allowed origin on a response. Setting the header here would make Node merge, and lose, repeated headers. */
const ORIGIN = Symbol('CORS origin')

type CorsResponse = ServerResponse & { [ORIGIN]?: string }

/** Lets pages of `origin` read this response, also if it is an error. */
export function allowOrigin (res: CorsResponse, origin: string): void {
  res[ORIGIN] = origin
}

/** The CORS headers of a response, flat; empty for a client that is not a browser page. */
export function corsHeaders (res: CorsResponse): readonly string[] {
  const origin = res[ORIGIN]
  return origin === undefined ? [] : ['Access-Control-Allow-Origin', origin, 'Access-Control-Expose-Headers', EXPOSED_HEADERS, 'Vary', 'Origin']
}

/** Whether a request is a CORS preflight. */
export function isPreflight ({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

/** Responds to a preflight of an allowed origin. A preflight carries no credentials and is not relayed. */
export function sendPreflightResponse (req: IncomingMessage, res: ServerResponse): void {
  const requestedHeaders = req.headers['access-control-request-headers']
  res.writeHead(204, [
    'Access-Control-Allow-Methods', RELAYED_METHODS.join(', '),
    'Access-Control-Max-Age', String(PREFLIGHT_LIFE_SECONDS),
    ...corsHeaders(res),
    ...(requestedHeaders === undefined ? [] : ['Access-Control-Allow-Headers', requestedHeaders]),
  ])
  res.end()
}
