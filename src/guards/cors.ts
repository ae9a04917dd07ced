/**
 * Answers for browser pages whose origin an operator allowed (WHATWG Fetch, CORS protocol). By hand, because relayed answers are
 * written past Fastify, where a plugin's headers would not be: three headers and one kind of answer.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RELAYED_METHODS } from '../errors.ts'

/** How long a browser may keep the answer to a preflight, in seconds. */
const PREFLIGHT_LIFE_SECONDS = 600

/** What a page may read beside the safelisted headers. */
const EXPOSED_HEADERS = 'X-Request-Id, X-Amsu-Proxy-Error, Retry-After, Location'

/** Answers that a page of this origin may read. Nothing is set on the answer itself: Node would then merge, and lose, repeated headers. */
const origins = new WeakMap<ServerResponse, string>()

/** Lets the page of `origin` read whatever is answered on `res`, errors included. */
export function allowOrigin (res: ServerResponse, origin: string): void {
  origins.set(res, origin)
}

/** The CORS headers of an answer, flat; none for a caller that is no browser page. */
export function corsHeaders (res: ServerResponse): readonly string[] {
  const origin = origins.get(res)
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
