/**
 * Hosts and origins, as settings name them.
 */
import { hostOf, originOf } from '../guards/browser-guard.ts'
import { hasNoEmptyLabel, withoutFinalDot } from '../upstream/host-name.ts'
import { problem } from './validation.ts'

/** Hosts that are this machine: what goes there stays here. */
const LOOPBACK = /^(?:localhost\.?|.*\.localhost\.?|127\.\d+\.\d+\.\d+\.?|\[?::1\]?|\[?::ffff:127\.\d+\.\d+\.\d+\]?)$/i

/** Whether an address or name means this machine and nobody else. */
export function isLoopback (host: string): boolean {
  return LOOPBACK.test(host)
}

/** Where AMSU is. */
export interface AmsuOrigin {
  /** Its origin. A final dot of the name is for DNS alone: TLS forbids it (RFC 6066 section 3), and a `Host` with it is another one. */
  readonly url: URL
  /** The name to look up, its final dot included; or the address, without brackets. */
  readonly lookupName: string
}

/** Reads AMSU's base URL; undefined, and a problem, when it is more or less than an origin. */
export function readOrigin (text: string | undefined, problems: string[]): AmsuOrigin | undefined {
  const url = toOrigin(text)
  if (url === undefined) {
    problems.push(problem('AMSU_BASE_URL'))
    return undefined
  }
  const lookupName = url.hostname.replace(/^\[|\]$/g, '')
  if (lookupName.endsWith('.')) url.hostname = withoutFinalDot(lookupName)
  return { url, lookupName }
}

/**
 * Reads the list of Host names, in the form in which the guard compares them. A port is fine and says nothing: no Host is judged by
 * it. A scheme, a star or a leading dot would match nothing, in silence.
 */
export function readHosts (text: string | undefined, problems: string[]): readonly string[] {
  const hosts = (text ?? '').split(',').map(item => item.trim()).filter(item => item !== '').map(item => item.startsWith('.') ? undefined : hostOf(item))
  if (hosts.includes(undefined)) problems.push(problem('ALLOWED_HOSTS'))
  return hosts.filter(host => host !== undefined)
}

/** Reads the list of browser origins, in the form browsers send (RFC 6454 section 6.2), without a final dot. */
export function readOrigins (text: string | undefined, problems: string[]): readonly string[] {
  if (text === undefined) return []
  const origins = text.split(',').map(item => toOrigin(item.trim()))
  if (origins.includes(undefined)) problems.push(problem('ALLOWED_ORIGINS'))
  return origins.filter(origin => origin !== undefined).map(({ origin }) => originOf(origin))
}

function toOrigin (text: string | undefined): URL | undefined {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined
  // A host with a star parses, but it is a pattern: it would match nothing, in silence.
  const isHost = url !== undefined && /^https?:$/.test(url.protocol) && !url.hostname.includes('*') && hasNoEmptyLabel(url.hostname)
  const isOrigin = isHost && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  return isOrigin ? url : undefined
}
