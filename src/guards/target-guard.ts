/**
 * Judges a request target, raw, before anything is done with it. The property it keeps: no target that is relayed is, however
 * an upstream may normalise it, one of AMSU's token endpoints, or outside `/amsu-analysis/`. Whoever could name a token endpoint
 * through us would get a live token.
 *
 * It keeps that by refusing whatever has more than one reading, instead of guessing which reading the upstream takes.
 */

/** What a target is: relayed, a token endpoint of AMSU (answered here), something else of ours, or not to be touched. */
export type TargetDecision = 'relay' | 'token' | 'refreshment' | 'other' | 'reject'

/** Everything relayed is under this, in exactly this spelling. */
const PREFIX = '/amsu-analysis/'

/** The everyday target: plain segments that only one reading has. */
const PLAIN = /^\/amsu-analysis(?:\/[A-Za-z0-9_~-]+)+\/?$/

/** What the decoded path would not show any more: that a byte was outside visible ASCII, or a slash was hidden. */
const UNDECODED_ONLY = /[^\x21-\x7e]|%2f/i

/** A backslash, the delimiter of a parameter, fragment or query, a percent sign or a control character; plain or come out by decoding. */
const AMBIGUOUS = /[\\;#?%\p{Cc}]/u

/** Segments that a normaliser drops or climbs by, once blanks and dots are trimmed. A plus is a blank to a form decoder; by itself it may stay. */
const HOLLOW_SEGMENT = /^(?!\++$)[\s.+]*$/

/** What a normaliser may trim off a segment. The lookbehind keeps it linear: a long run of dots is tried from its start only. */
const TRIMMED = /^[\s+]+|(?<![\s.+])[\s.+]+$/g

/** What a normaliser leaves out (NFKC_Casefold, and file systems since CVE-2014-9390): zero-width and other ignorable characters. */
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu

/** The token endpoints of any version of the API, and whatever may be below or beside them. A segment of pluses has left an empty one. */
const TOKEN_PATH = /^\/amsu-analysis\/+v\d+\/+token(?:\.[^/]*)?(?:\/|$)/

/** Judges a raw request target (RFC 9112 section 3.2). The query is never judged. */
export function checkTarget (target: string): TargetDecision {
  const queryAt = target.indexOf('?')
  const path = queryAt < 0 ? target : target.slice(0, queryAt)
  if (PLAIN.test(path) && !/token/i.test(path)) return 'relay'
  if (!path.startsWith('/') || UNDECODED_ONLY.test(path)) return 'reject'
  const decoded = decode(path)
  if (AMBIGUOUS.test(decoded)) return 'reject'
  // The first segment is empty: the path starts with a slash. The last may be: a trailing slash.
  const segments = decoded.split('/').slice(1)
  if (segments.some((segment, i) => HOLLOW_SEGMENT.test(segment) && !(segment === '' && i === segments.length - 1))) return 'reject'
  const normal = `/${segments.map(segment => segment.replaceAll(TRIMMED, '').toLowerCase()).join('/')}`
  if (!normal.startsWith(PREFIX)) return 'other'
  if (!path.startsWith(PREFIX)) return 'reject'
  return TOKEN_PATH.test(normal) ? tokenEndpoint(normal) : 'relay'
}

/** Decodes a path, and takes compatibility forms (full-width dots and letters) for what they look like. A plain path has neither. */
function decode (path: string): string {
  if (!path.includes('%')) return path
  try {
    return decodeURIComponent(path).normalize('NFKC').replaceAll(IGNORABLE, '')
  } catch {
    return path // what is broken keeps its percent signs, and is refused for them
  }
}

/** Which endpoint a normalised path under the token endpoints is; what is neither is nothing of AMSU's and not relayed. */
function tokenEndpoint (normal: string): TargetDecision {
  const path = normal.replace(/\/$/, '')
  if (path === '/amsu-analysis/v2/token') return 'token'
  return path === '/amsu-analysis/v2/token/refreshment' ? 'refreshment' : 'reject'
}

/** The spelling under which a target is routed: any spelling of a token endpoint becomes the plain one, everything else stays. */
export function routedTarget (target: string): string {
  if (!/token|%/i.test(target)) return target
  const decision = checkTarget(target)
  if (decision === 'token') return '/amsu-analysis/v2/token'
  return decision === 'refreshment' ? '/amsu-analysis/v2/token/refreshment' : target
}
