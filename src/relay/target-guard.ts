/**
 * Judges a request target, raw, before anything is done with it. The property it keeps: no target that is relayed is, however
 * an upstream may normalise it, one of AMSU's token endpoints, or outside `/amsu-analysis/`. Whoever could name a token endpoint
 * through us would get a live token.
 *
 * It keeps that by refusing whatever has more than one reading, instead of guessing which reading the upstream takes.
 */

/** What a target is: relayed, a token endpoint of AMSU (answered here), something else of ours, or not to be touched. */
export type TargetVerdict = 'relay' | 'token' | 'refreshment' | 'other' | 'reject'

/** Everything relayed is under this, in exactly this spelling. */
const PREFIX = '/amsu-analysis/'

/** The everyday target: plain segments that only one reading has. */
const PLAIN = /^\/amsu-analysis(?:\/[A-Za-z0-9_~-]+)+\/?$/

/** Outside visible ASCII, a backslash, a parameter or fragment delimiter, or one of these, a percent sign or a control byte in disguise. */
const AMBIGUOUS = /[^\x21-\x7e]|[\\;#]|%(?:[01][0-9a-f]|7f|2f|5c|25|3b|23|3f)/i

/** The same characters, where decoding or a compatibility form has brought them out. */
const AMBIGUOUS_DECODED = /[\\;#?%\p{Cc}]/u

/** Segments that a normaliser drops or climbs by, once blanks and dots are trimmed. */
const HOLLOW_SEGMENT = /^[\s.]*$/

/** What a normaliser may trim off a segment. */
const TRIMMED = /^\s+|[\s.]+$/g

/** The token endpoints of any version of the API, and whatever may be below or beside them. */
const TOKEN_PATH = /^\/amsu-analysis\/v\d+\/token(?:\.[^/]*)?(?:\/.*)?$/

/** Judges a raw request target (RFC 9112 section 3.2). The query is never judged. */
export function judgeTarget (target: string): TargetVerdict {
  const queryAt = target.indexOf('?')
  const path = queryAt < 0 ? target : target.slice(0, queryAt)
  if (PLAIN.test(path) && !/token/i.test(path)) return 'relay'
  if (!path.startsWith('/') || AMBIGUOUS.test(path)) return 'reject'
  const decoded = decode(path)
  if (decoded === undefined || AMBIGUOUS_DECODED.test(decoded)) return 'reject'
  // The first segment is empty: the path starts with a slash. The last may be: a trailing slash.
  const segments = decoded.split('/').slice(1)
  if (segments.some((segment, i) => HOLLOW_SEGMENT.test(segment) && !(segment === '' && i === segments.length - 1))) return 'reject'
  const normal = `/${segments.map(segment => segment.replaceAll(TRIMMED, '').toLowerCase()).join('/')}`
  if (!normal.startsWith(PREFIX)) return 'other'
  if (!path.startsWith(PREFIX)) return 'reject'
  return TOKEN_PATH.test(normal) ? tokenEndpoint(normal) : 'relay'
}

/** Decodes a path, and takes compatibility forms (full-width dots and letters) for what they look like. */
function decode (path: string): string | undefined {
  if (!path.includes('%')) return path
  try {
    return decodeURIComponent(path).normalize('NFKC')
  } catch {
    return undefined
  }
}

/** Which endpoint a normalised path under the token endpoints is; what is neither is nothing of AMSU's and not relayed. */
function tokenEndpoint (normal: string): TargetVerdict {
  const path = normal.replace(/\/$/, '')
  if (path === '/amsu-analysis/v2/token') return 'token'
  return path === '/amsu-analysis/v2/token/refreshment' ? 'refreshment' : 'reject'
}
