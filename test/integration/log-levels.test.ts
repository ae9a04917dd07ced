import { test } from 'tap'
import { call } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { startScripted } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things'

test('LOG_LEVEL=warn shows that requests to AMSU fail: at once, and the others as a count at the latest when the proxy stops', async t => {
  const amsu = await startScripted((head, socket) => { if (head.includes('/reset')) socket.resetAndDestroy(); else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok') })
  const proxy = await startProxy(amsu.origin, { LOG_LEVEL: 'warn' })
  t.teardown(async () => { await proxy.stop(); await amsu.close() })
  t.equal((await call(proxy.origin, PATH)).status, 200)
  for (let i = 1; i <= 3; i++) t.equal((await call(proxy.origin, `${PATH}/reset`, { method: 'POST', body: 'x', headers: { 'X-Request-Id': `id-${i}` } })).status, 502)
  const lines = (): unknown[] => proxy.lines.map(line => JSON.parse(line) as unknown).filter(line => (line as { errorCode?: string }).errorCode !== undefined)
  const line = { level: 40, errorCode: 'PROXY.UPSTREAM_RESET', cause: { code: 'ECONNRESET' }, msg: 'requests to AMSU failed' }
  t.match(lines(), [{ ...line, count: 1, requestId: 'id-1' }])
  await proxy.stop()
  t.match(lines(), [{ count: 1 }, { ...line, count: 2, requestId: 'id-3' }])
  t.strictSame(proxy.accessLines(), [])
})
