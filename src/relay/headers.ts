/**
 * Hop-by-hop, dropped and rewritten header fields, and loop detection (`Via`): which headers the proxy forwards, in both directions. Pure
 * functions over flat lists of names and values, as the parsers deliver them, so that order, case and repetition are preserved. Trailers
 * are dropped in server/header-budget.ts.
 */
import { STATUS_CODES } from 'node:http'
import { withoutFinalDot } from '../upstream/host-name.ts'
import type { ResponseHead } from '../upstream/response-head.ts'
import { isSpoofable } from './spoofable-headers.ts'

/** This proxy's name in `Via` (RFC 9110 section 7.6.3). */
const VIA_NAME = 'amsu-proxy'

/** Hop-by-hop headers: they apply to one connection (RFC 9110 section 7.6.1) and are dropped in both directions. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings']

/** Request headers that are dropped besides spoofable-headers.ts: the client's own credentials, and what the proxy handles or sets itself. */
const REQUEST_DROPPED = new Set([...HOP_BY_HOP, 'authorization', 'cookie', 'cookie2', 'expect', 'host', 'x-request-id'])

/** Response headers that are dropped: AMSU's cookies, an echo of our token, and headers that only this proxy sets. */
const RESPONSE_DROPPED = new Set([...HOP_BY_HOP, 'authorization', 'authentication-info', 'set-cookie', 'set-cookie2', 'x-amsu-proxy-error', 'x-request-id'])

/** Headers that `Connection` cannot nominate for removal, because they frame or address a message. */
const NEVER_NOMINATED = new Set(['content-length', 'content-type', 'host', 'via', 'close', 'keep-alive'])

/** A client's request id that is accepted: visible ASCII, at most 128 characters. */
const SANE_REQUEST_ID = /^[\x21-\x7e]{1,128}$/

/** An absolute or scheme-relative reference: scheme, authority, remainder. */
const ABSOLUTE_REFERENCE = /^(?:(https?):)?\/\/([^/?#]*)(.*)$/is

/** Bound of the cache of decisions by spelling: clients choose the spellings. */
const MAX_CACHED_NAMES = 512

const requestDecisions = new Map<string, HeaderDecision>()
const responseDecisions = new Map<string, HeaderDecision>()

/** What is done with a header, by its name alone. */
type HeaderDecision = 'pass' | 'drop' | 'connection' | 'via' | 'location'

/** A request's headers for AMSU, and whether the request loops through this proxy. */
export interface UpstreamRequestHeaders {
  /** Flat names and values, without `Authorization`, which is added last. */
  readonly headers: string[]
  /** Whether it passed this proxy before. It is rejected with 508 LOOP. */
  readonly isLoop: boolean
}

/** Whether a client's `X-Request-Id` is accepted. */
export function isSaneRequestId (value: unknown): value is string {
  return typeof value === 'string' && SANE_REQUEST_ID.test(value)
}

/**
 * Builds the request headers for AMSU from a client's headers.
 *
 * @param raw the client's headers, flat, as received
 * @param host value of `Host` for the upstream
 */
export function upstreamRequestHeaders (raw: readonly string[], host: string, requestId: string): UpstreamRequestHeaders {
  const headers = ['host', host]
  let isLoop = false
  let nominated: string[] | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    const decision = decisionFor(name, requestDecisions, checkRequestHeader)
    if (decision === 'drop') continue
    if (decision === 'connection') {
      nominated = nominations(value, nominated)
      continue
    }
    if (decision === 'via' && namesThisProxy(value)) isLoop = true
    headers.push(name, value)
  }
  if (nominated !== undefined) removeNominated(headers, nominated)
  headers.push('via', `1.1 ${VIA_NAME}`, 'x-request-id', requestId)
  return { headers, isLoop }
}

/** Inputs of {@link clientResponseHead} besides the head. */
export interface ClientResponseContext {
  /** AMSU's base URL; a `Location` that points there is rewritten to this proxy. */
  readonly upstream: URL
  /** This proxy's origin as the client sees it, e.g. `http://127.0.0.1:8080`. */
  readonly callerOrigin: () => string
  readonly isRevealing: (text: string) => boolean
}

/** A response's head for the client. */
export interface ClientResponseHead extends ClientResponseHeaders {
  readonly statusText: string
}

/** A response's headers for the client. */
export interface ClientResponseHeaders {
  readonly headers: string[]
  /** Number of headers and status texts that were dropped because they held one of our secrets. */
  readonly leaks: number
}

/**
 * Builds the response head for the client from AMSU's. It holds none of our secrets: a status text that does is replaced by the standard
 * one, and a header that does, in its name or its value, is dropped.
 */
export function clientResponseHead ({ headers: raw, status, statusText }: ResponseHead, context: ClientResponseContext): ClientResponseHead {
  const { headers, leaks } = clientResponseHeaders(raw, context)
  if (statusText === STATUS_CODES[status] || !context.isRevealing(statusText)) return { statusText, headers, leaks }
  return { statusText: STATUS_CODES[status] ?? '', headers, leaks: leaks + 1 }
}

/**
 * The headers of {@link clientResponseHead}.
 *
 * @param raw AMSU's headers, flat, as received; each character is a byte (Latin-1) and is written as that byte
 */
export function clientResponseHeaders (raw: readonly string[], context: ClientResponseContext): ClientResponseHeaders {
  const headers: string[] = []
  let nominated: string[] | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const decision = decisionFor(name, responseDecisions, checkResponseHeader)
    if (decision === 'drop') continue
    const value = raw[i + 1] as string
    if (decision === 'connection') {
      nominated = nominations(value, nominated)
      continue
    }
    headers.push(name, decision === 'location' ? rewriteLocation(value, context.upstream, context.callerOrigin) : value)
  }
  if (nominated !== undefined) removeNominated(headers, nominated)
  // One scan over all headers together. Only after a hit is each header checked.
  return { headers, leaks: context.isRevealing(headers.join('\n')) ? removeRevealing(headers, context.isRevealing) : 0 }
}

/**
 * Rewrites a reference to AMSU so that it points to this proxy: a client that follows a redirect stays behind the proxy. Relative
 * references and other hosts are unchanged. AMSU's host matches under http and https alike: a client must not be sent there without a
 * token.
 */
export function rewriteLocation (value: string, upstream: URL, callerOrigin: () => string): string {
  const match = ABSOLUTE_REFERENCE.exec(value)
  if (match === null) return value
  const [, scheme = upstream.protocol.slice(0, -1), authority = '', suffix = ''] = match
  const target = parseUrl(`${scheme}://${authority}`)
  if (target === null || withoutFinalDot(target.hostname) !== withoutFinalDot(upstream.hostname)) return value
  const isSamePort = target.port === upstream.port || (target.port === '' && target.protocol !== upstream.protocol)
  return isSamePort ? `${callerOrigin()}${suffix.startsWith('/') ? '' : '/'}${suffix}` : value
}

function parseUrl (text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null
}

function decisionFor (name: string, cache: Map<string, HeaderDecision>, check: (name: string) => HeaderDecision): HeaderDecision {
  const cached = cache.get(name)
  if (cached !== undefined) return cached
  const decision = check(name)
  // A copy: the name is a slice of the head it came in, and would keep all of that in memory.
  if (cache.size < MAX_CACHED_NAMES) cache.set(Buffer.from(name, 'latin1').toString('latin1'), decision)
  return decision
}

/** Compares names with `_` read as `-`: some servers treat them as equal (CVE-2025-64484). */
function checkRequestHeader (name: string): HeaderDecision {
  const normal = name.toLowerCase().replaceAll('_', '-')
  if (normal === 'connection') return 'connection'
  if (normal === 'via') return 'via'
  if (REQUEST_DROPPED.has(normal) || isSpoofable(normal)) return 'drop'
  return normal === 'content-length' && name.includes('_') ? 'drop' : 'pass'
}

function checkResponseHeader (name: string): HeaderDecision {
  const normal = name.toLowerCase().replaceAll('_', '-')
  if (normal === 'connection') return 'connection'
  if (normal === 'location' || normal === 'content-location') return 'location'
  // Only the proxy sets CORS headers, and only for the origins that the operator allowed.
  return RESPONSE_DROPPED.has(normal) || normal.startsWith('access-control-') ? 'drop' : 'pass'
}

/** Collects the header names that a `Connection` value nominates. The common values cost no allocation. */
function nominations (value: string, before: string[] | undefined): string[] | undefined {
  if (value === 'keep-alive' || value === 'close') return before
  const names = value.split(',').map(token => token.trim().toLowerCase().replaceAll('_', '-')).filter(name => name !== '' && !NEVER_NOMINATED.has(name))
  return names.length === 0 ? before : [...(before ?? []), ...names]
}

function removeNominated (headers: string[], nominated: readonly string[]): void {
  removeWhere(headers, name => {
    const normal = name.toLowerCase().replaceAll('_', '-')
    return nominated.includes(normal) && !NEVER_NOMINATED.has(normal)
  })
}

function removeRevealing (headers: string[], isRevealing: (text: string) => boolean): number {
  return removeWhere(headers, (name, value) => isRevealing(name) || isRevealing(value))
}

/** Removes the matching pairs in place and returns their number. */
function removeWhere (headers: string[], isMatch: (name: string, value: string) => boolean): number {
  let kept = 0
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const value = headers[i + 1] as string
    if (isMatch(name, value)) continue
    headers[kept] = name
    headers[kept + 1] = value
    kept += 2
  }
  const removed = (headers.length - kept) / 2
  headers.length = kept
  return removed
}

function namesThisProxy (via: string): boolean {
  return via.split(',').some(hop => hop.trim().split(/\s+/)[1]?.toLowerCase() === VIA_NAME)
}
