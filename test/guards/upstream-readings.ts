/**
 * How upstreams may read a request target: the oracle for src/guards/target-guard.ts. Each step is a transformation of a path that servers,
 * frameworks or gateways are known to do. The readings are all results of any steps in any order and number. It shares no code with the
 * guard: the guard rejects ambiguous targets, and this follows every ambiguity to its end.
 */
import { posix } from 'node:path'

/** Limit of readings per target. More is an error, because readings would be missing. */
const MAX_READINGS = 50_000

/** Origin of the upstream, for steps that parse the target as a URL. */
const ORIGIN = 'http://amsu.test'

/** Characters that some `trim` removes: White_Space, former White_Space, and those of JavaScript, .NET or Java. */
const BLANK = '[\\s\\0-\\x20\\x7f-\\xa0\\u180e\\u200b\\u2060\\u2800\\ufeff]'

/** One transformation of a path. */
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
  // ASCII letters are compared without case below; folding matters where it creates them from others (KELVIN SIGN, LONG S, dotless i).
  'lower case': path => foreign(path) ? path.toLowerCase() : path,
  'upper case': path => foreign(path) ? path.toUpperCase() : path,
  NFKC: path => foreign(path) ? path.normalize('NFKC') : path,
  'drop ignorables': path => foreign(path) ? path.replace(/\p{Default_Ignorable_Code_Point}/gu, '') : path,
  'trim blanks': path => trim(path, `${BLANK}+`),
  'trim dots': path => trimEnd(path, '\\.+'),
  'trim blanks of segments': path => eachSegment(path, segment => trim(segment, `${BLANK}+`)),
  'trim dots of segments': path => eachSegment(path, segment => trimEnd(segment, '\\.+')),
}

/** All readings of `target`, each with the steps that lead to it. */
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

/** Whether `path` is a token endpoint of AMSU, in any version of its API. */
export function isTokenEndpoint (path: string): boolean {
  const [first, api, version, token, below, ...rest] = path.toLowerCase().replace(/\/$/, '').split('/')
  return first === '' && api === 'amsu-analysis' && token === 'token' && /^v\d+$/.test(version ?? '') &&
    (below === undefined || below === 'refreshment') && rest.length === 0
}

/** Whether `path` is below the relayed prefix. */
export function isInside (path: string): boolean {
  return `${path.toLowerCase()}/`.startsWith('/amsu-analysis/')
}

/** Starting points: the bytes before the query, or the path that a URL parser returns for the target, alone or after an origin. */
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

/** Decodes each run of percent-encoded bytes; invalid ones stay. */
function decode (path: string, toText: (bytes: Buffer) => string): string {
  return path.includes('%') ? path.replace(/(?:%[0-9a-f]{2})+/gi, run => toText(Buffer.from(run.replaceAll('%', ''), 'hex'))) : path
}

/** A lenient UTF-8 decoder that checks only the lead byte: it accepts overlong forms, surrogates and wrong trail bytes. */
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
