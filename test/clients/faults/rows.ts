/** The rows of the matrix: a way to fail, and what every client must see of it. Grouped by the settings of the proxy they need. */
import type { Mode } from './clients.ts'

const SMALL = 200
/** More than every buffer on the way, REPLAY_BODY_BYTES included, and less than the proxy reads of what it refuses. */
const LARGE = 2_000_000

/** What must be seen of a POST. */
export interface Expected {
  /** The status of the final response. */
  readonly status: number
  /** X-Amsu-Proxy-Error; none where the response is AMSU's own. One of several where more than one is right. */
  readonly code?: string | readonly string[]
  /** The body must not end cleanly. */
  readonly isCut?: boolean
  /** How often AMSU may have seen the whole POST. */
  readonly whole: readonly number[]
}

/** One row. */
export interface Row {
  readonly title: string
  readonly way: string
  readonly bytes: number
  readonly mode: Mode
  readonly expected: Expected
}

/** Rows that share a proxy. */
export interface Group {
  readonly title: string
  readonly settings: Readonly<Record<string, string>>
  readonly rows: readonly Row[]
  /** A permanent fault of AMSU. */
  readonly amsu?: 'refuses' | 'closes' | 'resets' | 'holds tokens' | 'releases tokens' | 'rejects credentials'
  /** Meanwhile, one request waits at AMSU. */
  readonly isFull?: boolean
  /** AMSU responds to no request before those of all clients have arrived. */
  readonly isTogether?: boolean
}

const good: Expected = { status: 200, whole: [1] }
const broken: Expected = { status: 502, code: 'UPSTREAM_RESET', whole: [1] }
const brokenEarly: Expected = { ...broken, whole: [0, 1] }
const invalid: Expected = { status: 502, code: 'UPSTREAM_INVALID', whole: [1] }
const silent: Expected = { status: 504, code: 'UPSTREAM_TIMEOUT', whole: [1] }
const cut: Expected = { status: 200, isCut: true, whole: [1] }

/** A row as most are: a short body. */
function row (way: string, expected: Expected, title = way): Row {
  return { title, way, bytes: SMALL, mode: 'length', expected }
}

/** The same POST in each mode; short, and long in every way a client can send it. */
function bodies (title: string, expected: Expected, expect: Mode): Row[] {
  return [{ title, way: 'good', bytes: SMALL, mode: 'length', expected }, ...longBodies(title, 'good', expected, expect)]
}

/** The same POST with 2 MB, in every way a client can send it. */
function longBodies (title: string, way: string, expected: Expected, expect: Mode = 'expect'): Row[] {
  const modes = { '2 MB': 'length', '2 MB in chunks': 'chunked', '2 MB after Expect': expect } as const
  return Object.entries(modes).map(([words, mode]) => ({ title: `${title}, ${words}`, way, bytes: LARGE, mode, expected }))
}

const upload = (way: string, expected: Expected): Row[] => longBodies(way, way, expected)
/** The POST to which AMSU would send a good response. */
const refusal = (title: string, status: number, ...code: string[]): Row[] => bodies(title, { status, code, whole: [0] }, 'refused expect')
const early413: Expected = { status: 413, whole: [0, 1] }
const early401: Expected = { status: 401, whole: [0, 1] }

/** All but those about a proxy that stops, which stopping.ts has. */
export const groups: readonly Group[] = [
  { title: 'AMSU responds', settings: {}, rows: [...bodies('a good response', good, 'expect'), row('100 first', good), row('102 first', good), row('103 first', good)] },
  {
    title: 'AMSU breaks off before a response',
    settings: {},
    rows: [
      row('head, RST', brokenEarly), row('head, FIN', brokenEarly), ...upload('head, closes unread', { ...broken, whole: [0] }), ...upload('head, RST', { ...broken, whole: [0] }),
      row('request, RST', broken), row('request, FIN', broken), ...upload('request, RST', broken), row('part of a head, RST', broken), row('part of a head, FIN', broken),
    ],
  },
  {
    title: 'AMSU breaks off before the body',
    settings: {},
    rows: [
      ...['head of length, RST', 'head of length, FIN', 'head of chunks, RST', 'head of chunks, FIN'].map(way => row(way, broken)), row('head of chunks, broken chunk', invalid),
    ],
  },
  {
    title: 'AMSU breaks off in the body',
    settings: {},
    rows: ['half of length, RST', 'half of length, FIN', 'half of chunks, RST', 'half of chunks, FIN'].map(way => row(way, cut)),
  },
  {
    title: 'AMSU falls silent',
    settings: { UPSTREAM_RESPONSE_TIMEOUT_MS: '1000' },
    rows: [row('silence', silent), ...upload('silence', silent), row('part of a head, silence', silent)],
  },
  {
    title: 'AMSU falls silent in its response',
    settings: { UPSTREAM_IDLE_TIMEOUT_MS: '1000' },
    rows: [row('head of length, silence', silent), row('head of chunks, silence', silent), row('half of length, silence', cut)],
  },
  { title: 'AMSU speaks something else', settings: {}, rows: [row('garbage', invalid), row('two lengths', invalid), row('101', invalid)] },
  {
    title: 'AMSU rejects during the upload',
    settings: {},
    rows: [...upload('early 413, reads on', early413), ...upload('early 413, closes', early413), ...upload('early 413, closes unread', early413)],
  },
  { title: 'AMSU rejects the token', settings: {}, isTogether: true, rows: [row('401', { status: 200, whole: [2] })] },
  { title: 'AMSU rejects the token of an upload', settings: {}, isTogether: true, rows: [...upload('401', { status: 401, whole: [1] }).slice(0, 1), ...upload('good', good).slice(0, 1)] },
  // A body that is still small is sent again, whole or not.
  ...['early 401, reads on', 'early 401, closes unread'].map(way => ({ title: 'AMSU rejects the token early', settings: {}, isTogether: true, rows: [row(way, { status: 200, whole: [1, 2] })] })),
  ...['early 401, reads on', 'early 401, closes unread'].map(way => ({
    title: 'AMSU rejects the token during the upload', settings: {}, isTogether: true, rows: [...upload(way, early401).slice(0, 1), row(way, good, `${way}; the next POST`)],
  })),
  { title: 'no connection', settings: {}, amsu: 'refuses', rows: refusal('connection refused', 502, 'UPSTREAM_UNREACHABLE') },
  { title: 'no connection', settings: {}, amsu: 'closes', rows: refusal('closed as soon as accepted', 502, 'UPSTREAM_RESET', 'UPSTREAM_UNREACHABLE') },
  { title: 'no connection', settings: {}, amsu: 'resets', rows: refusal('reset as soon as accepted', 502, 'UPSTREAM_RESET', 'UPSTREAM_UNREACHABLE') },
  { title: 'no token', settings: { TOKEN_WAIT_MS: '400' }, amsu: 'holds tokens', rows: refusal('no token in time', 503, 'TOKEN_UNAVAILABLE') },
  { title: 'a slow token', settings: { TOKEN_WAIT_MS: '15000' }, amsu: 'releases tokens', rows: bodies('a token that comes while everybody waits', good, 'expect').slice(0, 1) },
  { title: 'no token', settings: {}, amsu: 'rejects credentials', rows: refusal('credentials rejected', 503, 'CREDENTIALS_REJECTED') },
  { title: 'the proxy refuses', settings: { MAX_IN_FLIGHT: '1' }, isFull: true, rows: refusal('MAX_IN_FLIGHT', 503, 'OVERLOADED') },
  { title: 'the proxy refuses', settings: { CALLERS: 'somebody:else-secret-1' }, rows: refusal('unknown caller', 401, 'CALLER_UNAUTHENTICATED') },
  { title: 'the proxy refuses', settings: { MAX_BODY_BYTES: '1000000' }, rows: refusal('body too large', 413, 'BODY_TOO_LARGE').slice(1) },
]
