import { test } from 'tap'
import { codeOf, ConfigError, errorBody, errorHeaders, errorTable, ProxyError, RELAYED_METHODS, type ErrorCode } from '../src/errors.ts'

/** The contract: status, whether the caller may retry, seconds of `Retry-After`. */
const CONTRACT = {
  TOKEN_UNAVAILABLE: [503, 'safe', 1],
  CREDENTIALS_REJECTED: [503, 'after_fix', 60],
  UPSTREAM_UNREACHABLE: [502, 'safe', undefined],
  UPSTREAM_TIMEOUT: [504, 'charged', undefined],
  UPSTREAM_RESET: [502, 'charged', undefined],
  UPSTREAM_INVALID: [502, 'charged', undefined],
  BODY_TOO_LARGE: [413, 'never', undefined],
  HEAD_TOO_LARGE: [431, 'never', undefined],
  REQUEST_TIMEOUT: [408, 'safe', undefined],
  EXPECTATION_FAILED: [417, 'never', undefined],
  PATH_REJECTED: [400, 'never', undefined],
  HOST_REJECTED: [421, 'never', undefined],
  ORIGIN_REJECTED: [403, 'never', undefined],
  ROUTE_REJECTED: [403, 'never', undefined],
  METHOD_REJECTED: [405, 'never', undefined],
  NOT_FOUND: [404, 'never', undefined],
  BAD_REQUEST: [400, 'never', undefined],
  CALLER_UNAUTHENTICATED: [401, 'never', undefined],
  INVALID_TOKEN_REQUEST: [400, 'never', undefined],
  LOOP: [508, 'never', undefined],
  OVERLOADED: [503, 'safe', 1],
  DRAINING: [503, 'safe', undefined],
  INTERNAL: [500, 'charged', undefined],
} as const satisfies Record<ErrorCode, readonly [status: number, retry: string, retryAfterSeconds: number | undefined]>

const codes = Object.keys(errorTable) as ErrorCode[]

/** The pairs of a flat list; fails the types if it is not one. */
function pairs (flat: readonly string[]): Array<readonly [name: string, value: string]> {
  return flat.flatMap((name, i) => i % 2 === 0 ? [[name, flat[i + 1] ?? 'no value'] as const] : [])
}

test('each error has the status, the advice and the wait of the contract', async t => {
  t.strictSame(codes.sort(), Object.keys(CONTRACT).sort())
  for (const code of codes) {
    const error = new ProxyError(code)
    t.strictSame([error.status, errorTable[code].retry, error.retryAfterSeconds], CONTRACT[code], code)
    t.equal(error.message, errorTable[code].message, code)
  }
})

test('a body is in the envelope of AMSU: a code with its group, and a message', async t => {
  for (const code of codes) {
    t.strictSame(JSON.parse(errorBody(new ProxyError(code))), { error: { code: `PROXY.${code}`, msg: errorTable[code].message } }, code)
    t.match(errorBody(new ProxyError(code)), /^[\x20-\x7e]+$/, `${code}: ASCII`)
  }
})

test('a message is a fixed text of complete sentences, and advises what the table advises', async t => {
  for (const code of codes) {
    const { message, retry } = errorTable[code]
    t.match(message, /^[A-Z][^/:@"]*(?:\/amsu-analysis\/[^/:@"]*)?\.$/, `${code}: no address and no quotation`)
    if (message.includes('charged')) t.equal(retry, 'charged', code)
    if (message.includes('Nothing was sent')) t.match(retry, /safe|after_fix/, code)
  }
})

test('the head of an error has its type and length, forbids caching, and closes the connection', async t => {
  for (const code of codes) {
    const flat = errorHeaders(new ProxyError(code))
    const [, , retryAfterSeconds] = CONTRACT[code]
    t.equal(flat.length % 2, 0, code)
    t.strictSame(Object.fromEntries(pairs(flat)), {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(errorBody(new ProxyError(code)))),
      'Cache-Control': 'no-store',
      'X-Amsu-Proxy-Error': code,
      Connection: 'close',
      ...(code === 'METHOD_REJECTED' ? { Allow: 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT' } : {}),
      ...(code === 'CALLER_UNAUTHENTICATED' ? { 'WWW-Authenticate': 'Basic realm="amsu-proxy", charset="UTF-8", Bearer realm="amsu-proxy"' } : {}),
      ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
    }, code)
    t.equal(new Set(pairs(flat).map(([name]) => name.toLowerCase())).size, flat.length / 2, `${code}: each header once`)
  }
})

test('an error response has the request ID if there is one', async t => {
  t.strictSame(pairs(errorHeaders(new ProxyError('NOT_FOUND'), 'id-1')).at(-1), ['X-Request-Id', 'id-1'])
  t.notOk(errorHeaders(new ProxyError('NOT_FOUND')).includes('X-Request-Id'))
})

test('who knows better how long to wait may say so', async t => {
  const waits = (error: ProxyError): Array<readonly [string, string]> => pairs(errorHeaders(error)).filter(([name]) => name === 'Retry-After')
  t.strictSame(waits(new ProxyError('TOKEN_UNAVAILABLE', { retryAfterSeconds: 17 })), [['Retry-After', '17']])
  t.strictSame(waits(new ProxyError('TOKEN_UNAVAILABLE', { retryAfterSeconds: undefined })), [['Retry-After', '1']])
  t.strictSame(waits(new ProxyError('TOKEN_UNAVAILABLE', { cause: new Error('x') })), [['Retry-After', '1']])
})

test('only a 405 lists the methods that are relayed', async t => {
  t.strictSame(codes.filter(code => errorHeaders(new ProxyError(code)).includes('Allow')), ['METHOD_REJECTED'])
  t.notOk(RELAYED_METHODS.some(method => ['CONNECT', 'TRACE'].includes(method)))
})

test('only the 401 lists how a caller may authenticate', async t => {
  t.strictSame(codes.filter(code => errorHeaders(new ProxyError(code)).includes('WWW-Authenticate')), ['CALLER_UNAUTHENTICATED'])
})

test('a rejected login is in the words of AMSU, and carries our code in the header only', async t => {
  const login = { code: 'COMMON.AUTHENTICATION_FAILED', msg: 'The client id or the client secret is wrong.' }
  const error = new ProxyError('CALLER_UNAUTHENTICATED', { login })
  t.equal(errorBody(error), JSON.stringify({ error: login }))
  t.match(Object.fromEntries(pairs(errorHeaders(error))), { 'Content-Length': String(errorBody(error).length), 'X-Amsu-Proxy-Error': 'CALLER_UNAUTHENTICATED', 'WWW-Authenticate': 'Bearer realm="amsu-proxy"' })
})

test('details stay in the cause: they are in no message and in no response', async t => {
  const cause = new Error('connect ECONNREFUSED 10.1.2.3:80')
  const error = new ProxyError('UPSTREAM_UNREACHABLE', { cause })
  t.equal(error.cause, cause)
  for (const text of [error.message, String(error), errorBody(error), errorHeaders(error, 'id').join()]) t.notMatch(text, '10.1.2.3')
})

test('an error without a cause has none', async t => {
  t.notOk('cause' in new ProxyError('LOOP'))
  t.notOk('cause' in new ProxyError('LOOP', {}))
})

test('an error is known by its code and by its class', async t => {
  t.match(new ProxyError('LOOP'), { name: 'ProxyError', code: 'LOOP', status: 508 })
  t.ok(new ProxyError('LOOP') instanceof Error)
})

test('a wrong configuration is one error with all its problems', async t => {
  const error = new ConfigError(['A must be b', 'C must be d'])
  t.match(error, { name: 'ConfigError', message: 'A must be b\nC must be d', problems: ['A must be b', 'C must be d'] })
})

test('the code of an error is a text of its own; whatever has none has an empty one', async t => {
  t.equal(codeOf(Object.assign(new Error('value-never-shown'), { code: 'EACCES' })), 'EACCES')
  for (const error of [new Error('value-never-shown'), Object.assign(new Error(''), { code: 5 }), 'value-never-shown', { code: 'value-never-shown' }, undefined]) t.equal(codeOf(error), '')
})
