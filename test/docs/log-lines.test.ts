/**
 * Which of its three log lines a request has: what the reference says is what the program does.
 */
import { test, type Test } from 'tap'
import { errorTable } from '../../src/errors.ts'
import { call, errorCode, sendBytes } from '../support/client.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { json, startUpstream, type Received } from '../support/upstream.ts'
import { until } from '../support/until.ts'
import { codeSpans, read, rowsOf, sectionOf } from './markdown.ts'

const PATH = '/amsu-analysis/v2/things'
const TOKEN = '/amsu-analysis/v2/token'

/** The codes that each line can have, as the reference lists them, without `PROXY.`. */
const documented = new Map(rowsOf(sectionOf(read('docs/reference/log-fields.md'), 'Which line a request has')).slice(1)
  .map(([line = '', , codes = '']) => [codeSpans(line)[0], codeSpans(codes).map(code => code.replace('PROXY.', ''))] as const))

/** Starts a proxy in front of an AMSU that never responds to `/hang`. */
async function setUp (t: Test, settings: Record<string, string>): Promise<{ proxy: Proxy, received: readonly Received[] }> {
  const upstream = await startUpstream({ onRequest: ({ url }, res) => { if (!url.endsWith('/hang')) json(res, 200, {}) } })
  const proxy = await startProxy(upstream.origin, settings)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  return { proxy, received: upstream.received }
}

/** The lines that a proxy has written for errors, without those that sum them up: message and code. */
function errorLines ({ lines }: Proxy): Array<readonly [message: string, code: string]> {
  return lines.map(line => JSON.parse(line) as Record<string, string>).flatMap(({ errorCode, msg = '' }) => errorCode === undefined || msg === 'requests to AMSU failed' ? [] : [[msg, errorCode.replace('PROXY.', '')] as const])
}

test('every error code stands in a row of the lines that a request can have', t => {
  t.strictSame([...documented.keys()], ['request rejected', 'requests are rejected', 'request'])
  t.strictSame([...new Set([...documented.values()].flat())].sort(), Object.keys(errorTable).sort())
  t.end()
})

test('a request that is rejected before it is accepted has a line “request rejected”', async t => {
  const { proxy, received } = await setUp(t, { CALLERS: 'app:caller-secret', ALLOWED_ROUTES: 'GET /amsu-analysis/v2/things' })
  const authorization = 'Authorization: Bearer caller-secret\r\n'
  for (const bytes of [
    '\x00\r\n\r\n',
    `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\n\r\n`,
    'CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n',
    `GET ${PATH} HTTP/1.1\r\nHost: evil.example\r\n\r\n`,
    `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n`,
    `GET ${PATH}/../x HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    `GET ${PATH}/other HTTP/1.1\r\nHost: localhost\r\n${authorization}\r\n`,
    `POST ${TOKEN} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`,
    `POST ${TOKEN} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n`,
  ]) {
    const before = errorLines(proxy).length
    const { text } = await sendBytes(proxy.port, bytes)
    const code = String(errorCode(text)).replace('PROXY.', '')
    t.strictSame(errorLines(proxy).slice(before), [['request rejected', code]])
    t.ok(documented.get('request rejected')?.includes(code), code)
  }
  t.equal(new Set(errorLines(proxy).map(([, code]) => code)).size, 12, 'each has another code')
  t.strictSame(received, [])
})

test('overload and shutdown share a line, and a request that was accepted has a line “request”, sent or not', async t => {
  const { proxy, received } = await setUp(t, { MAX_IN_FLIGHT: '1', MAX_BODY_BYTES: '10', SHUTDOWN_GRACE_MS: '100' })
  const codes: string[] = []
  for (const options of [{ headers: { via: '1.1 amsu-proxy' } }, { method: 'POST', body: 'x'.repeat(11) }]) {
    codes.push(String(errorCode((await call(proxy.origin, PATH, options)).text)))
  }
  const hanging = call(proxy.origin, `${PATH}/hang`)
  await until(() => received.length === 1)
  t.equal(errorCode((await call(proxy.origin, PATH)).text), 'PROXY.OVERLOADED')
  await proxy.stop()
  codes.push(String(errorCode((await hanging).text)))
  t.strictSame(codes, ['PROXY.LOOP', 'PROXY.BODY_TOO_LARGE', 'PROXY.UPSTREAM_TIMEOUT'])
  const lines = errorLines(proxy)
  t.strictSame(lines, [['request', 'LOOP'], ['request', 'BODY_TOO_LARGE'], ['requests are rejected', 'OVERLOADED'], ['request', 'UPSTREAM_TIMEOUT']])
  for (const [line, code] of lines) t.ok(documented.get(line)?.includes(code), `${line}: ${code}`)
})

test('a request that waits in vain for a token has a line “request”', async t => {
  const upstream = await startUpstream({ isTokenDown: () => true })
  const proxy = await startProxy(upstream.origin, { TOKEN_WAIT_MS: '0' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  t.equal(errorCode((await call(proxy.origin, PATH)).text), 'PROXY.TOKEN_UNAVAILABLE')
  t.strictSame(errorLines(proxy), [['request', 'TOKEN_UNAVAILABLE']])
  t.ok(documented.get('request')?.includes('TOKEN_UNAVAILABLE'))
})
