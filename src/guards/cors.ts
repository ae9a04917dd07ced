/**
 * CORS: responses for browser pages whose origin an operator allowed (WHATWG Fetch, CORS protocol). By hand, because relayed answers are
 * written past Fastify, where a plugin's headers would not be: three headers and one kind of answer.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RELAYED_METHODS } from '../errors.ts'

/** How long a browser may keep the answer to a preflight, in seconds. */
const PREFLIGHT_LIFE_SECONDS = 600

/** What a page may read beside the safelisted headers. */
const EXPOSED_HEADERS = 'X-Request-Id, X-Amsu-Proxy-Error, Retry-After, Location'

/** Where a response keeps the origin whose pages may read it. It is no header yet: Node would then merge, and lose, repeated headers. */
const ORIGIN = Symbol('CORS origin')

type CorsResponse = ServerResponse & { [ORIGIN]?: string }

/** Lets the page of `origin` read whatever is answered on `res`, errors included. */
export function allowOrigin (res: CorsResponse, origin: string): void {
  res[ORIGIN] = origin
}

/** The CORS headers of an answer, flat; none for a caller that is no browser page. */
export function corsHeaders (res: CorsResponse): readonly string[] {
  const origin = res[ORIGIN]
  return origin === undefined ? [] : ['Access-Control-Allow-Origin', origin, 'Access-Control-Expose-Headers', EXPOSED_HEADERS, 'Vary', 'Origin']
}

/** Whether a request asks for permission instead of being the call itself. */
export function isPreflight ({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

/** Answers a preflight of an allowed origin; it carries no credentials and reaches nobody. */
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
