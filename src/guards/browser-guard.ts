/**
 * DNS rebinding and cross-site request (CSRF) guard. No request that a web page makes a browser send may reach AMSU with our token. A page
 * that uses DNS rebinding is recognized by its Host, any other page by its Origin or by fetch metadata (W3C Fetch Metadata Request
 * Headers). Legacy apps send neither Origin nor fetch metadata.
 */
import { isIP } from 'node:net'
import type { ErrorCode } from '../errors.ts'
import { hasNoEmptyLabel, withoutFinalDot } from '../upstream/host-name.ts'

/** Suffixes that do not resolve on the public internet, only in a cluster or home network (RFC 6761, RFC 6762, RFC 8375, ICANN's .internal). */
const PRIVATE_SUFFIXES = ['.localhost', '.local', '.internal', '.svc', '.cluster.local', '.home.arpa', '.test']

/** A Host value: a name or an IPv6 literal in brackets, and an optional port (RFC 9110 section 7.2). */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i

/**
 * Unspecified addresses, as {@link URL} normalizes them (from `0`, `[0::0.0.0.0]` and others). Browsers have let pages reach local servers
 * through them.
 */
const UNSPECIFIED = new Set(['0.0.0.0', '[::]', '[::ffff:0:0]'])

/** The final dot of an origin's host. */
const ORIGIN_DOT = /\.(?=:\d+$|$)/

/** Bound of the cache of decisions by Host value: clients choose the values. */
const MAX_CACHED_HOSTS = 256

export interface BrowserGuardOptions {
  /** Further names to accept, as {@link hostOf} returns them. */
  readonly allowedHosts: readonly string[]
  /** Browser origins to accept, as browsers send them, without a final dot. */
  readonly allowedOrigins: readonly string[]
}

/** The guard's decision: a rejection, or the origin that gets CORS headers, or neither. */
export interface BrowserDecision {
  readonly rejection?: ErrorCode
  readonly corsOrigin?: string
}

const ACCEPTED: BrowserDecision = {}

/** Checks a request by its raw headers, flat as received. */
export type BrowserGuard = (rawHeaders: readonly string[]) => BrowserDecision

/** Creates the guard. */
export function createBrowserGuard ({ allowedHosts, allowedOrigins }: BrowserGuardOptions): BrowserGuard {
  const hosts = new Set(allowedHosts)
  const origins = new Set(allowedOrigins)
  const decisions = new Map<string, boolean>()

  function isAcceptedHost (value: string): boolean {
    const known = decisions.get(value)
    if (known !== undefined) return known
    const isAccepted = checkHost(value, hosts)
    if (decisions.size < MAX_CACHED_HOSTS) decisions.set(value, isAccepted)
    return isAccepted
  }

  return rawHeaders => {
    let host: string | undefined
    let origin: string | undefined
    let isCrossSite = false
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] as string
      const value = rawHeaders[i + 1] as string
      // Compares lengths first: lower-casing every name would cost more than the rest of the check.
      if (name.length === 4 && name.toLowerCase() === 'host') {
        if (host !== undefined) return { rejection: 'HOST_REJECTED' }
        host = value
      } else if (name.length === 6 && name.toLowerCase() === 'origin') {
        if (origin !== undefined || !origins.has(originOf(value))) return { rejection: 'ORIGIN_REJECTED' }
        origin = value
      } else if (name.length === 14 && name.toLowerCase() === 'sec-fetch-site') {
        isCrossSite ||= value !== 'none' && value !== 'same-origin'
      }
    }
    if (host === undefined || !isAcceptedHost(host)) return { rejection: 'HOST_REJECTED' }
    // A page of an allowed origin is cross-site by nature.
    if (origin !== undefined) return { corsOrigin: origin }
    return isCrossSite ? { rejection: 'ORIGIN_REJECTED' } : ACCEPTED
  }
}

/** An origin without the final dot of its host, for comparison. */
export function originOf (value: string): string {
  return value.replace(ORIGIN_DOT, '')
}

/** The name or address of a Host value, in lower case, without port and final dot; undefined for an invalid or unspecified one. */
export function hostOf (value: string): string | undefined {
  const named = HOST.exec(value)?.[1]?.toLowerCase()
  if (named === undefined || !hasNoEmptyLabel(named)) return undefined
  const host = withoutFinalDot(named)
  return isUnspecified(host) ? undefined : host
}

function isUnspecified (host: string): boolean {
  const url = `http://${host}`
  return URL.canParse(url) && UNSPECIFIED.has(new URL(url).hostname)
}

/** Whether a Host value is an IP address, a private name, or a name that the operator allowed. */
function checkHost (value: string, allowed: ReadonlySet<string>): boolean {
  const host = hostOf(value)
  if (host === undefined) return false
  if (host.startsWith('[')) return isIP(host.slice(1, -1)) === 6
  if (isIP(host) === 4 || allowed.has(host)) return true
  // `127.1` and `0x7f.1` have dots and are not names, so they are rejected.
  return !host.includes('.') || PRIVATE_SUFFIXES.some(suffix => host.endsWith(suffix))
}
