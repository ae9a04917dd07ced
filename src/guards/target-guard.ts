/**
 * Path traversal guard (request target normalization). It checks the raw request target before anything else uses it. It guarantees: no
 * relayed target, however an upstream normalizes it, is one of AMSU's token endpoints or outside `/amsu-analysis/`. A client that reached a
 * token endpoint through the proxy would get a valid AMSU token.
 *
 * It rejects every ambiguous target instead of guessing how the upstream reads it.
 */

/** What a target is: relayed, a token endpoint (served locally), another local path, or rejected. */
export type TargetDecision = 'relay' | 'token' | 'refreshment' | 'other' | 'reject'

/** Prefix of relayed paths, in exactly this spelling. */
const PREFIX = '/amsu-analysis/'

/** The common target: plain segments, which are unambiguous. */
const PLAIN = /^\/amsu-analysis(?:\/[A-Za-z0-9_~-]+)+\/?$/

/** What decoding would hide: a byte outside visible ASCII, or an encoded slash. */
const UNDECODED_ONLY = /[^\x21-\x7e]|%2f/i

/** Ambiguous characters after decoding: a backslash, the delimiter of a parameter, fragment or query, a percent sign, a control character. */
const AMBIGUOUS = /[\\;#?%\p{Cc}]/u

/**
 * Segments that normalization removes or resolves as `..`, once blanks and dots are trimmed. A form decoder reads a plus as a blank; a
 * segment of pluses alone is allowed.
 */
const HOLLOW_SEGMENT = /^(?!\++$)[\s.+]*$/

/** What normalization may trim off a segment. The lookbehind keeps it linear: a long run of dots is matched from its start only (ReDoS). */
const TRIMMED = /^[\s+]+|(?<![\s.+])[\s.+]+$/g

/** What normalization removes (NFKC_Casefold, and file systems since CVE-2014-9390): zero-width and other ignorable characters. */
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu

/** The token endpoints of every API version, and paths below or beside them. A segment of pluses is empty after trimming. */
const TOKEN_PATH = /^\/amsu-analysis\/+v\d+\/+token(?:\.[^/]*)?(?:\/|$)/

/** The path of a request target: what precedes the query. */
export function pathOf (target: string): string {
  const queryAt = target.indexOf('?')
  return queryAt < 0 ? target : target.slice(0, queryAt)
}

/** Checks a raw request target (RFC 9112 section 3.2). The query is not checked. */
export function checkTarget (target: string): TargetDecision {
  const path = pathOf(target)
  if (PLAIN.test(path) && !/token/i.test(path)) return 'relay'
  if (!path.startsWith('/') || UNDECODED_ONLY.test(path)) return 'reject'
  const decoded = decode(path)
  if (AMBIGUOUS.test(decoded)) return 'reject'
  // Skips the empty first segment before the leading slash. The last one may be empty too: a trailing slash.
  const segments = decoded.split('/').slice(1)
  if (segments.some((segment, i) => HOLLOW_SEGMENT.test(segment) && !(segment === '' && i === segments.length - 1))) return 'reject'
  const normal = `/${segments.map(segment => segment.replaceAll(TRIMMED, '').toLowerCase()).join('/')}`
  if (!normal.startsWith(PREFIX)) return 'other'
  if (!path.startsWith(PREFIX)) return 'reject'
  return TOKEN_PATH.test(normal) ? tokenEndpoint(normal) : 'relay'
}

/** Decodes a path, and replaces compatibility forms (full-width dots and letters) by the plain characters. */
function decode (path: string): string {
  if (!path.includes('%')) return path
  try {
    return decodeURIComponent(path).normalize('NFKC').replaceAll(IGNORABLE, '')
  } catch {
    return path // an invalid encoding keeps its percent signs, and is rejected for them
  }
}

/** The token endpoint of a normalized path. Any other path below the token endpoints is rejected. */
function tokenEndpoint (normal: string): TargetDecision {
  const path = normal.replace(/\/$/, '')
  if (path === '/amsu-analysis/v2/token') return 'token'
  return path === '/amsu-analysis/v2/token/refreshment' ? 'refreshment' : 'reject'
}

/** The target for the router: every spelling of a token endpoint becomes the plain one, other targets are unchanged. */
export function routedTarget (target: string): string {
  if (!/token|%/i.test(target)) return target
  const decision = checkTarget(target)
  if (decision === 'token') return '/amsu-analysis/v2/token'
  return decision === 'refreshment' ? '/amsu-analysis/v2/token/refreshment' : target
}
