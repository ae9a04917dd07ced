/**
 * Parses the host names and origins of settings.
 */
import { isIPv4 } from 'node:net'
import { hostOf, originOf } from '../guards/browser-guard.ts'
import { hasNoEmptyLabel, withoutFinalDot } from '../upstream/host-name.ts'
import { problem } from './validation.ts'

/** Loopback hosts: traffic to them does not leave this machine. */
const LOOPBACK = /^(?:localhost\.?|.*\.localhost\.?|127\.\d+\.\d+\.\d+\.?|\[?::1\]?|\[?::ffff:127\.\d+\.\d+\.\d+\]?)$/i

/** Whether an address or name is loopback. */
export function isLoopback (host: string): boolean {
  return LOOPBACK.test(host)
}

/** Whether two hosts to listen on surely have an address in common. Two names that may resolve to the same one are not compared. */
export function isSameHost (a: string, b: string): boolean {
  const hosts = [a, b].map(host => host.toLowerCase().replace(/\.$/, ''))
  const has = (host: string): boolean => hosts.includes(host)
  if (hosts[0] === hosts[1] || has('::')) return true // `::` listens on IPv4 too
  if (has('0.0.0.0')) return hosts.every(host => isIPv4(host) || host === 'localhost')
  return has('localhost') && (has('127.0.0.1') || has('::1'))
}

/** The address of AMSU. */
export interface AmsuOrigin {
  /** Its origin, without a final dot of the name. The dot is for DNS only: TLS forbids it (RFC 6066 section 3), and a `Host` with it is another host. */
  readonly url: URL
  /** The name to look up, with its final dot; or the address, without brackets. */
  readonly lookupName: string
}

/** Reads AMSU's base URL. If it is not exactly an origin, returns undefined and adds a problem. */
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
 * Reads the list of Host names, in the form in which the guard compares them. A port is allowed and ignored, because the guard does
 * not compare ports. A scheme, a star or a leading dot is an error, because such an entry would silently match nothing.
 */
export function readHosts (text: string | undefined, problems: string[]): readonly string[] {
  const hosts = (text ?? '').split(',').map(item => item.trim()).filter(item => item !== '').map(item => item.startsWith('.') ? undefined : hostOf(item))
  if (hosts.includes(undefined)) problems.push(problem('ALLOWED_HOSTS'))
  return hosts.filter(host => host !== undefined)
}

/** Reads the list of browser origins, in the form that browsers send (RFC 6454 section 6.2), without a final dot. */
export function readOrigins (text: string | undefined, problems: string[]): readonly string[] {
  if (text === undefined) return []
  const origins = text.split(',').map(item => toOrigin(item.trim()))
  if (origins.includes(undefined)) problems.push(problem('ALLOWED_ORIGINS'))
  return origins.filter(origin => origin !== undefined).map(({ origin }) => originOf(origin))
}

function toOrigin (text: string | undefined): URL | undefined {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined
  // A host with a star parses as a URL, but it is a pattern and would silently match nothing.
  const isHost = url !== undefined && /^https?:$/.test(url.protocol) && !url.hostname.includes('*') && hasNoEmptyLabel(url.hostname)
  const isOrigin = isHost && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  return isOrigin ? url : undefined
}
