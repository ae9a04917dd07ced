/** Requests of every kind, by chance. */
import { METHODS } from 'node:http'
import type { Random } from '../soak/random.ts'
import { chooseFault, faultQuery, plain } from './amsu-fault.ts'
import type { AmsuFault } from './amsu-fault.ts'
import type { PlannedBody, PlannedRequest, ProxyName, RequestKind } from './script.ts'

/** How the proxies of a storm are set, as far as a request can tell. */
export const limits = { replayBodyBytes: 65_536, maxBodyBytes: 4 * 1_048_576 }
/** The caller that the proxies know. */
export const caller = { name: 'storm', secret: 'storm-caller-secret-4711' }
/** Proxies that know callers; the others are open to all. */
export const closedProxies: ReadonlySet<ProxyName> = new Set(['plain', 'tls'])

const basic = (secret: string): string => `Authorization: Basic ${Buffer.from(`${caller.name}:${secret}`).toString('base64')}`
/** What says that a caller is known. */
export const authorization = basic(caller.secret)

/** Methods that no Node.js or not each of them knows, and those of RTSP, which its parser takes as well. */
const furtherMethods = ['QUERY', 'PRI', 'FOO', 'get', 'DESCRIBE', 'ANNOUNCE', 'SETUP', 'PLAY', 'PAUSE', 'TEARDOWN', 'GET_PARAMETER', 'SET_PARAMETER', 'REDIRECT', 'RECORD', 'FLUSH']
const relayedMethods = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'])
/** All that are not relayed; CONNECT has scripts of its own. */
export const refusedMethods = [...METHODS.filter(method => !relayedMethods.has(method) && method !== 'CONNECT'), ...furtherMethods]

/** What a request is made of; what is left out is as usual. */
export interface RequestOptions {
  readonly id: string
  readonly kind?: RequestKind
  readonly method?: string
  readonly target?: string
  readonly version?: string
  readonly host?: string
  /** Whole lines. */
  readonly lines?: readonly string[]
  readonly authorization?: string
  readonly body?: PlannedBody | undefined
  readonly fault?: AmsuFault
  readonly isNamed?: boolean
  readonly isLast?: boolean
}

/** Makes a request. */
export function makeRequest ({ id, kind = 'relayed', method = 'GET', version = 'HTTP/1.1', host = 'Host: localhost', lines = [], body, fault = plain, isNamed = true, isLast = false, ...rest }: RequestOptions): PlannedRequest {
  const target = rest.target ?? `/amsu-analysis/v2/storm/${id}?${faultQuery(fault)}`
  const head = [
    `${method} ${target} ${version}`,
    ...host === '' ? [] : [host],
    ...rest.authorization === '' ? [] : [rest.authorization ?? authorization],
    ...isNamed ? [`X-Request-Id: ${id}`] : [],
    ...body === undefined ? [] : ['Content-Type: application/octet-stream', body.isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.bytes}`],
    ...lines,
    '',
    '',
  ].join('\r\n')
  return { id, kind, method, head, body, fault, isNamed, isLast }
}

/** Chooses a size and a framing for a body; `most` bytes at most. */
export function chooseBody (random: Random, most: number): PlannedBody {
  const { replayBodyBytes } = limits
  const bytes = random.pick([random.between(0, 200), random.between(1, 200), random.between(1, 200), random.between(200, 60_000), replayBodyBytes, replayBodyBytes + 1, random.between(100_000, 800_000), random.between(800_000, 3_000_000)])
  return { bytes: Math.floor(Math.min(bytes, most)), isChunked: random.chance(0.3) }
}

/** A request that must be relayed. */
export function relayedRequest (random: Random, id: string, options: { readonly most?: number, readonly method?: string, readonly fault?: AmsuFault } = {}): PlannedRequest {
  const { most = Infinity, fault = chooseFault(random) } = options
  const method = options.method ?? random.pick(['POST', 'POST', 'POST', 'POST', 'GET', 'GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])
  const hasBody = ['POST', 'PUT', 'PATCH'].includes(method) ? random.chance(0.93) : method !== 'HEAD' && random.chance(0.15)
  const isOld = random.chance(0.06)
  const isKept = random.chance(0.5)
  const isClosing = !isOld && random.chance(0.06)
  const body = hasBody ? chooseBody(random, most) : undefined
  return makeRequest({
    id,
    method,
    fault,
    version: isOld ? 'HTTP/1.0' : 'HTTP/1.1',
    body: isOld && body !== undefined ? { ...body, isChunked: false } : body,
    lines: isOld && isKept ? ['Connection: keep-alive'] : isClosing ? ['Connection: close'] : [],
    isNamed: random.chance(0.9),
    isLast: isOld ? !isKept : isClosing,
  })
}

/** A request to an endpoint of the proxy's own. */
export function ownRequest (random: Random, id: string): PlannedRequest {
  const own = { id, kind: 'own' } as const
  const form = `client_id=${caller.name}&client_secret=${caller.secret}`
  const path = random.pick(['/livez', '/readyz', '/metrics', '/status', 'token'])
  if (path !== 'token') return makeRequest({ ...own, target: path })
  const token = makeRequest({ ...own, method: 'POST', target: '/amsu-analysis/v2/token', lines: ['Content-Type: application/x-www-form-urlencoded', `Content-Length: ${form.length}`] })
  return { ...token, head: token.head + form }
}

/** A request that a guard refuses; some have a large body. */
export function refusedRequest (random: Random, id: string, proxy: ProxyName): PlannedRequest {
  const body = random.chance(0.5) ? chooseBody(random, 2_000_000) : undefined
  const usual: RequestOptions = { id, kind: 'refused', method: body === undefined ? 'GET' : 'POST', body }
  const query = faultQuery(plain)
  const path = `/amsu-analysis/v2/storm/${id}?${query}`
  return makeRequest({
    ...usual,
    ...random.pick<Partial<RequestOptions>>([
      { host: 'Host: evil.example.com' },
      { host: 'Host: localhost\r\nHost: localhost' },
      { host: '' },
      { lines: ['Origin: https://evil.example.com'] },
      { lines: ['Sec-Fetch-Site: cross-site'] },
      { lines: ['Via: 1.1 amsu-proxy'] },
      { lines: ['Expect: 200-ok'] },
      { target: `/amsu-analysis/v2/../v2/storm/${id}?${query}` },
      { target: `/amsu-analysis//v2/storm/${id}?${query}` },
      { target: `/amsu-analysis/v2/storm%2f${id}?${query}` },
      { target: `http://localhost${path}` },
      { target: `/elsewhere/${id}` },
      { method: random.pick(refusedMethods) },
      { method: random.pick(refusedMethods) },
      { version: random.pick(['HTTP/2.0', 'HTTP/1.2', 'HTTP/0.9', 'FOO/1.1']) },
      // Node.js takes them for HTTP, and only a request line that came in one piece can be looked at.
      { kind: 'either', version: random.pick(['RTSP/1.0', 'ICE/1.0']) },
      { method: random.pick(refusedMethods), version: 'RTSP/1.0' },
      { method: 'POST', body: { bytes: limits.maxBodyBytes + 1 + Math.floor(random.between(0, 500_000)), isChunked: false } },
      { lines: [`X-Large: ${'x'.repeat(20_000)}`] },
      ...closedProxies.has(proxy) ? [{ authorization: '' }, { authorization: basic('wrong') }, { authorization: 'Authorization: Bearer nobody' }] : [],
    ]),
  })
}

/** Bytes that are no request, though they begin like one. */
export function brokenRequest (random: Random, id: string): PlannedRequest {
  const { head } = makeRequest({ id, method: 'POST' })
  const open = head.slice(0, -2)
  const tail = random.pick([
    'No Colon Here\r\n\r\n',
    'X-Bad: a\0b\r\n\r\n',
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    'Content-Length: five\r\n\r\nhello',
    'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
    'Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n',
    'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxx\r\n',
    'Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n',
    'Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    'Content-Length: -5\r\n\r\nhello',
  ])
  const bytes = random.pick([open + tail, open + tail, open + tail, `GET\r\n${open.slice(4)}\r\n`, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '{"a":1}\r\n\r\n'])
  return { id, kind: 'broken', method: 'POST', head: bytes, body: undefined, fault: plain, isNamed: false, isLast: true }
}
