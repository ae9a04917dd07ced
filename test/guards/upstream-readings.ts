/**
 * What upstreams may take a request target for. Each step is something that servers, frameworks or gateways are known to do to a
 * path; readings are everything that comes out when any of them are done in any order, as often as one likes. It is the oracle for
 * src/guards/target-guard.ts and shares nothing with it: the guard refuses what is ambiguous, this follows every ambiguity to its end.
 */
import { posix } from 'node:path'

/** No target of the tests has more readings; past it the closure would be cut short, so it is an error. */
const MAX_READINGS = 50_000

/** Where the upstream lives, for readers that make a URL of the target. */
const ORIGIN = 'http://amsu.test'

/** Blanks that one `trim` or another takes off: White_Space and what once was, or is in JavaScript, .NET or Java. */
const BLANK = '[\\s\\0-\\x20\\x7f-\\xa0\\u180e\\u200b\\u2060\\u2800\\ufeff]'

/** One thing an upstream may do to a path. */
type Step = (path: string) => string

const STEPS: Readonly<Record<string, Step>> = {
  'decode UTF-8': path => decode(path, bytes => bytes.toString('utf8')),
  'decode Latin-1': path => decode(path, bytes => bytes.toString('latin1')),
  'decode overlong UTF-8': path => decode(path, decodeCarelessly),
  'decode %uXXXX': path => path.replace(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
  'decode as a form': path => path.replaceAll('+', ' '),
  'backslash to slash': path => path.replaceAll('\\', '/'),
  'collapse slashes': path => path.replace(/\/{2,}/g, '/'),
  'resolve dots': removeDotSegments,
  'resolve dots like Node': path => path === '' ? path : posix.normalize(path),
  'strip parameters': path => path.replace(/;[^/]*/g, ''),
  'cut at ;': path => cut(path, ';'),
  'cut at ?': path => cut(path, '?'),
  'cut at #': path => cut(path, '#'),
  'cut at NUL': path => cut(path, '\0'),
  'drop control bytes': path => path.replace(/\p{Cc}/gu, ''),
  // ASCII letters are compared without case below; folding matters where it makes them of others (KELVIN SIGN, LONG S, dotless i).
  'lower case': path => foreign(path) ? path.toLowerCase() : path,
  'upper case': path => foreign(path) ? path.toUpperCase() : path,
  NFKC: path => foreign(path) ? path.normalize('NFKC') : path,
  'drop ignorables': path => foreign(path) ? path.replace(/\p{Default_Ignorable_Code_Point}/gu, '') : path,
  'trim blanks': path => trim(path, `${BLANK}+`),
  'trim dots': path => trimEnd(path, '\\.+'),
  'trim blanks of segments': path => eachSegment(path, segment => trim(segment, `${BLANK}+`)),
  'trim dots of segments': path => eachSegment(path, segment => trimEnd(segment, '\\.+')),
}

/** The paths upstreams may take `target` for, each with the steps that lead to it. */
export function readings (target: string): Map<string, string> {
  const found = new Map(starts(target).map(path => [path, 'as it stands']))
  for (const [path, way] of found) {
    for (const [name, step] of Object.entries(STEPS)) {
      const next = step(path)
      if (!found.has(next)) found.set(next, `${way}, ${name}`)
    }
    if (found.size > MAX_READINGS) throw new Error(`too many readings of ${JSON.stringify(target)}`)
  }
  return found
}

/** Whether AMSU hands out tokens at `path`, in any version of its API. */
export function isTokenEndpoint (path: string): boolean {
  const [first, api, version, token, below, ...rest] = path.toLowerCase().replace(/\/$/, '').split('/')
  return first === '' && api === 'amsu-analysis' && token === 'token' && /^v\d+$/.test(version ?? '') &&
    (below === undefined || below === 'refreshment') && rest.length === 0
}

/** Whether `path` is below what the proxy is for. */
export function isInside (path: string): boolean {
  return `${path.toLowerCase()}/`.startsWith('/amsu-analysis/')
}

/** What a reader may start from: the bytes before the query, or what a URL parser makes of the target, alone or after an origin. */
function starts (target: string): string[] {
  const urls = [() => new URL(target, ORIGIN), () => new URL(ORIGIN + target)].flatMap(parse => {
    try {
      const { origin, pathname, host } = parse()
      return [origin === ORIGIN ? pathname : `//${host}${pathname}`]
    } catch {
      return []
    }
  })
  return [cut(target, '?'), ...urls]
}

function cut (path: string, delimiter: string): string {
  return path.split(delimiter, 1)[0] as string
}

function foreign (path: string): boolean {
  return /[^\0-\x7f]/.test(path)
}

/** Decodes each run of percent-encoded bytes; what is broken stays. */
function decode (path: string, toText: (bytes: Buffer) => string): string {
  return path.includes('%') ? path.replace(/(?:%[0-9a-f]{2})+/gi, run => toText(Buffer.from(run.replaceAll('%', ''), 'hex'))) : path
}

/** UTF-8 as it is decoded by who only looks at the lead byte: overlong forms, surrogates and wrong trail bytes are taken as they come. */
function decodeCarelessly (bytes: Buffer): string {
  let text = ''
  for (let i = 0; i < bytes.length;) {
    const lead = bytes.readUInt8(i++)
    const trailing = lead < 0xc0 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3
    let code = trailing === 0 ? lead : lead & (0x3f >> trailing)
    for (const end = Math.min(i + trailing, bytes.length); i < end; i++) code = (code << 6) | (bytes.readUInt8(i) & 0x3f)
    text += code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd'
  }
  return text
}

/** RFC 3986 section 5.2.4, on whole segments. */
function removeDotSegments (path: string): string {
  if (!path.includes('.')) return path
  const segments = path.split('/')
  const kept: string[] = []
  segments.forEach((segment, i) => {
    if (segment === '..' && kept.length > 1) kept.pop()
    if (segment !== '.' && segment !== '..') kept.push(segment)
    else if (i === segments.length - 1) kept.push('')
  })
  return kept.join('/')
}

function eachSegment (path: string, change: Step): string {
  return path.split('/').map(change).join('/')
}

function trim (text: string, what: string): string {
  return trimEnd(text.replace(pattern(`^${what}`), ''), what)
}

function trimEnd (text: string, what: string): string {
  return text.replace(pattern(`${what}$`), '')
}

const patterns = new Map<string, RegExp>()

function pattern (source: string): RegExp {
  const known = patterns.get(source) ?? new RegExp(source)
  patterns.set(source, known)
  return known
}
