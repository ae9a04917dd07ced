/**
 * Requests that no route takes: each gets a local reply, even while the client is still writing, and none is a defect.
 */
import { test, type Test } from 'tap'
import { METHODS } from 'node:http'
import { errorCode, sendBytes } from '../support/client.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

async function setUp (t: Test, settings: Record<string, string> = {}): Promise<{ proxy: Proxy, upstream: Upstream }> {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, settings)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  return { proxy, upstream }
}

/** Status codes of all responses in a text, in their order. */
function statuses (text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => String(status))
}

test('every method and protocol that Node’s parser knows gets a response, and none is a defect', async t => {
  const { proxy, upstream } = await setUp(t)
  const methods = [...METHODS, 'DESCRIBE', 'ANNOUNCE', 'SETUP', 'PLAY', 'PAUSE', 'TEARDOWN', 'GET_PARAMETER', 'SET_PARAMETER', 'REDIRECT', 'RECORD', 'FLUSH', 'SOURCE', 'PRI', 'BREW']
  for (const method of new Set(methods)) {
    for (const protocol of ['HTTP/1.1', 'HTTP/1.0', 'RTSP/1.0', 'RTSP/1.1', 'ICE/1.0', 'HTTP/2.0', 'HTCPCP/1.0', 'http/1.1']) {
      for (const target of [PATH, '/nothing', '/livez']) {
        const { text } = await sendBytes(proxy.port, `${method} ${target} ${protocol}\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
        const isServed = protocol === 'HTTP/1.1' || protocol === 'HTTP/1.0'
        t.match(text, isServed ? /^HTTP\/1\.1 (?:200|204|400|404|405|421) / : /^HTTP\/1\.1 (?:400|404|405) /, `${method} ${target} ${protocol}`)
      }
    }
  }
  t.ok(upstream.received.length > 0 && upstream.received.length <= 2 * 7)
  t.notOk(proxy.lines.some(line => line.includes('defect')))
})

test('a request that no route takes is rejected without its body, whatever its type', async t => {
  const { proxy } = await setUp(t)
  for (const [type, body, length] of [['application/json', '{', 1], ['application/json', '', 0], ['nonsense', 'x', 1], ['text/plain', 'x', 200_000_000], ['application/x-www-form-urlencoded', 'x', 2_000_000]] as const) {
    for (const method of ['POST', 'PUT', 'QUERY', 'DELETE']) {
      const { text } = await sendBytes(proxy.port, `${method} /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n${body}`)
      if (method === 'QUERY' && !METHODS.includes('QUERY')) t.match(text, /^HTTP\/1\.1 400 /)
      else t.match(text, /^HTTP\/1\.1 404 /, `${method} ${type}`)
    }
  }
  t.notOk(proxy.lines.some(line => line.includes('defect')))
})

test('every local reply arrives, even while the client is still writing', async t => {
  const { proxy } = await setUp(t, { CALLERS: 'app:caller-secret' })
  const body = 'x'.repeat(1_000_000)
  for (const [name, bytes, status] of [
    ['a head too large, and a body', `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\nContent-Length: ${body.length}\r\n\r\n${body}`, '431'],
    ['a broken head, and a body', `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nX\x01: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`, '400'],
    ['an unknown expectation, and a body', `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\nContent-Length: ${body.length}\r\n\r\n${body}`, '417'],
    ['CONNECT, and bytes', `CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n${body}`, '405'],
    ['a stranger, and a body', `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`, '401'],
  ] as const) {
    for (let i = 0; i < 10; i++) {
      const { text, isReset } = await sendBytes(proxy.port, bytes)
      t.strictSame(statuses(text), [status], name)
      t.notOk(isReset, name)
    }
  }
})

test('malformed requests, CONNECT and unknown expectations are logged under the id that their client gets', async t => {
  const { proxy } = await setUp(t)
  for (const [bytes, status] of [['\x00\r\n\r\n', 400], ['CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n', 405], [`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\n\r\n`, 417]] as const) {
    const { text } = await sendBytes(proxy.port, bytes)
    const id = String(/X-Request-Id: (\S+)\r\n/i.exec(text)?.[1])
    const line = proxy.lines.find(line => line.includes(id))
    t.match(JSON.parse(line ?? '{}'), { status, errorCode: errorCode(text), msg: 'request rejected' })
  }
})
