import fc from 'fast-check'
import { test, type Test } from 'tap'
import { checkTarget, routedTarget, type TargetDecision } from '../../src/guards/target-guard.ts'
import { isInside, isTokenEndpoint, readings } from './upstream-readings.ts'

/** Targets checked in each of the two runs; `npm run test:fuzz`, which CI runs, checks 120,000 in all. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 10_000)

/** A fixed seed for repeatable runs; the second run has a new seed each time. */
const FIXED_SEED = 20_261_122

/** The oracle also reads one in this many rejected targets, to see whether rejections are justified. */
const SAMPLED = 32

/** Base targets for mutation: the endpoints that must not be reached, their neighbours, and paths outside. */
const BASES = [
  '/amsu-analysis/v2/token', '/amsu-analysis/v2/token', '/amsu-analysis/v2/token', '/amsu-analysis/v2/token/refreshment', '/amsu-analysis/v2/token/refreshment', '/amsu-analysis/v17/token/',
  '/amsu-analysis/v2/tokens', '/amsu-analysis/v2/x/token', '/amsu-analysis/v2/available-times', '/amsu-analysis/v2/hrv/rr-list/', '/amsu-analysis/', '/amsu-analysis', '/livez', '/', '/other/v2/token',
]

/** Texts to insert that normalization drops, resolves or changes. The guard need not reject them. */
const SOFT = [
  '.', '..', '+', ' ', '\u00a0', '\u2003', '\u3000', '\u00ad', '\u200b', '\u2060', '\ufeff', '\ufe0f', '…', '․', '．', 'ı', '\u0338', '\u0308', '．．', '‥', '⁄', '℀', '/+', '/ ', '.json', '/x', '/',
  '%2e', '%20', '%2E%20', '%2b', '%E2%80%8B', '%e3%80%80', '-', '~', '@', ':', '!', ',', '=', '&', '*', 'é', '中', 's', '2',
]

/** Texts to insert that the guard must reject. */
const HARD = [
  '//', '\\', '/.', '/./', '/../', '/x/..', '/x/../', '\\..\\', '/.+/', '/%2e%2e+', '..;', ';', ';a=b', ';/', '#', '#/../token', '\t', '\n', '\0', '\u0085', '；', '％', '％2e', '＼', '／／', '/．./', '/.\u200b./', '/\u00ad', '%', '%%', '%2', '%zz', '%25',
  '%2f', '%2F', '%5c', '%3b', '%3f', '%23', '%00', '%0a', '%7f', '%252e', '%252f', '%25252e', '%u002e', '%u2215', '%c0%ae', '%c0%af', '%e0%80%af', '%ed%a0%80', '%ff',
]

/** Other forms of a character, which become it by case folding, decoding or normalization. */
const SOFT_SPELLINGS: ReadonlyArray<(char: string) => string> = [
  char => char.toUpperCase(),
  char => hex(char),
  char => hex(char).toUpperCase(),
  char => /[!-~]/.test(char) ? String.fromCodePoint(char.charCodeAt(0) + 0xfee0) : char,
  char => /[a-z]/.test(char) ? String.fromCodePoint(0x1d41a - 97 + char.charCodeAt(0)) : char,
  char => /[a-z]/.test(char) ? String.fromCodePoint(0x24d0 - 97 + char.charCodeAt(0)) : char,
  char => ({ k: '\u212a', s: 'ſ', i: 'ı', '.': '․', '/': '⁄', 2: '²' })[char] ?? char,
]

/** Other forms of a character, which become it by double or lenient decoding. */
const HARD_SPELLINGS: typeof SOFT_SPELLINGS = [
  char => hex(char).replaceAll('%', '%25'),
  char => hex(char).replaceAll('%', '%2525'),
  char => `%${[...hex(char).slice(1)].map(hex).join('')}`,
  char => `%u00${hex(char).slice(1)}`,
  char => overlong(char),
]

const QUERIES = ['', '', '', '', '', '?', '?a=1', '?/../token', '?a=%2e%2e%2f;#x', '?%zz\\', '??']

/** Prefixes: another form of target, or a traversal. */
const HEADS = [...Array<string>(40).fill(''), 'http://evil.test', 'HTTP://amsu.test', '//evil.test', '/x/..', '/.', '\\', 'x', '*', '%2f', '/amsu-analysis/..']

/** One mutation: the operation, the position and the text. */
const change = fc.noBias(fc.tuple(
  fc.constantFrom('spell', 'spell', 'anywhere', 'edge', 'edge', 'end'), fc.nat(9_999), fc.nat(9_999), fc.integer({ min: 0, max: 9 }).map(n => n === 0)
))

/** Mutated targets: a base with up to four changes. In most, characters that cannot be sent are percent-encoded, as a client does. */
const mangled = fc.tuple(
  fc.constantFrom(...BASES), fc.constantFrom(...HEADS), fc.constantFrom(...QUERIES), fc.noBias(fc.array(change, { maxLength: 4 })), fc.integer({ min: 0, max: 30 })
).map(([base, head, query, changes, raw]) => {
  const chars = [...base]
  for (const [kind, where, what, hard] of changes) {
    const edges = chars.flatMap((char, i) => char === '/' ? [i, i + 1] : [])
    const at = kind === 'end' ? chars.length : kind === 'edge' ? edges[where % edges.length] ?? 0 : where % (chars.length + 1)
    if (kind === 'spell') chars[at] = pick(hard ? HARD_SPELLINGS : SOFT_SPELLINGS, what)(chars[at] ?? '.')
    else chars.splice(at, 0, ...pick(hard ? HARD : SOFT, what))
  }
  return head + (raw === 0 ? chars.join('') : encodeUnsendable(chars.join(''))) + query
})

/** Mixed targets: pieces in any order. */
const mixed = fc.array(fc.constantFrom('/', '/', '/', '/', 'amsu-analysis', '/amsu-analysis/', 'v2', 'token', '/token', 'refreshment', ...SOFT, ...HARD), { maxLength: 6 })
  .map(pieces => encodeUnsendable(`/amsu-analysis/v2/${pieces.join('')}`))

/** Canonical paths by section 7 of the contract, away from the token endpoints, without segments of dots and blanks. */
const canonical = fc.tuple(
  fc.array(fc.array(fc.constantFrom(...'ab.Z09-_~!$&\'()*+,=:@"<>^`{}|[]', '%41', '%e4%b8%ad', '%C3%A9', '%20', '%2e', '%7e'), { minLength: 1, maxLength: 12 }).map(chars => `x${chars.join('')}`), { minLength: 1, maxLength: 8 }),
  fc.constantFrom('', '/'), fc.constantFrom(...QUERIES)
).map(([segments, slash, query]) => `/amsu-analysis/${segments.join('/')}${slash}${query}`)

function pick<T> (from: readonly T[], index: number): T {
  return from[index % from.length] as T
}

function hex (char: string): string {
  return [...Buffer.from(char)].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join('')
}

function overlong (char: string): string {
  const code = char.charCodeAt(0)
  return code < 0x80 ? `%${(0xc0 | code >> 6).toString(16)}%${(0x80 | code & 0x3f).toString(16)}` : char
}

/** Percent-encodes characters that a request line cannot hold, as a client does. */
function encodeUnsendable (text: string): string {
  return text.replace(/[^\x21-\x7e]/gu, hex)
}

/** Whether a path is not canonical by the contract (section 7): a second implementation. */
function breaksContract (path: string): boolean {
  const plain = path.replace(/%2e/gi, '.')
  const segments = plain.split('/').slice(1)
  return !path.startsWith('/') || /[^!-~]|[\\;#]|%(?![0-9a-f]{2})|%(?:2f|5c|25|3b|23|3f|7f|[01].)/i.test(path) || /(?:^|\/)\.{1,2}(?:\/|$)/.test(plain) || segments.slice(0, -1).includes('')
}

/** Why `decision` is wrong for `target`, or undefined. */
function objection (target: string, decision: TargetDecision): string | undefined {
  const path = target.split('?', 1)[0] as string
  const routed = { token: '/amsu-analysis/v2/token', refreshment: '/amsu-analysis/v2/token/refreshment', relay: target, other: target, reject: target }[decision]
  if (routedTarget(target) !== routed) return `is routed as ${routedTarget(target)}`
  if (breaksContract(path) && decision !== 'reject') return 'is not canonical'
  if (decision === 'relay' && !/^\/amsu-analysis\/[!-~]*$/.test(path)) return 'has bytes that must not be sent'
  // Our own router decodes once: a path that it would route to the relay must have that decision.
  if (decision === 'other' && decodeURIComponent(path).startsWith('/amsu-analysis/')) return 'is routed to the relay'
  if (decision === 'reject' || decision === 'other') return undefined
  const read = [...readings(target)]
  if (decision === 'relay') {
    const [reading, way] = read.find(([reading]) => isTokenEndpoint(reading) || !isInside(reading)) ?? []
    return way && `may be read as ${JSON.stringify(reading)} (${way})`
  }
  const endpoint = decision === 'token' ? /^\/amsu-analysis\/v2\/token\/?$/i : /^\/amsu-analysis\/v2\/token\/refreshment\/?$/i
  return read.some(([reading]) => endpoint.test(reading)) ? undefined : 'nobody would read as that endpoint'
}

/** Checks many targets, and that enough of them were interesting. */
function checkMany (t: Test, seed: number): void {
  const counts: Record<TargetDecision, number> = { relay: 0, token: 0, refreshment: 0, other: 0, reject: 0 }
  const seen = { respelled: 0, sampled: 0, dangerous: 0, escaping: 0 }
  fc.assert(fc.property(fc.oneof({ arbitrary: mangled, weight: 5 }, { arbitrary: mixed, weight: 1 }), target => {
    const decision = checkTarget(target)
    const reason = objection(target, decision)
    if (reason !== undefined) throw new Error(`${decision}: ${JSON.stringify(target)} ${reason}`)
    counts[decision]++
    if (decision === 'relay' && target.includes('%')) seen.respelled++
    if (decision === 'reject' && counts.reject % SAMPLED === 0) {
      const read = [...readings(target).keys()]
      seen.sampled++
      if (read.some(isTokenEndpoint)) seen.dangerous++
      if (read.some(reading => !isInside(reading))) seen.escaping++
    }
  }), { seed, numRuns: RUNS })
  t.comment(`seed ${seed}: ${JSON.stringify({ ...counts, ...seen })}`)
  for (const [decision, count] of Object.entries(counts)) t.ok(count > RUNS / 100, `${decision} occurs`)
  t.ok(seen.respelled > RUNS / 50, 'encoded targets are relayed')
  t.ok(seen.dangerous > seen.sampled / 20, 'refused targets would have reached a token endpoint')
  t.ok(seen.escaping > seen.sampled / 10, 'refused targets would have left the prefix')
}

test('no reading of a relayed target is a token endpoint or leaves the prefix (fixed seed)', async t => {
  checkMany(t, FIXED_SEED)
})

test('no reading of a relayed target is a token endpoint or leaves the prefix (another seed each run)', async t => {
  checkMany(t, Date.now() & 0x7fffffff)
})

test('canonical paths away from the token endpoints are relayed, whatever they consist of', async t => {
  fc.assert(fc.property(canonical, target => checkTarget(target) === 'relay'), { seed: Date.now() & 0x7fffffff, numRuns: 10_000 })
  t.pass('10,000 canonical targets')
})
