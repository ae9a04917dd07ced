import { test } from 'tap'
import { once } from 'node:events'
import net from 'node:net'
import { systemClock } from '../../src/clock.ts'
import { call } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { startUpstream } from '../support/upstream.ts'

test('connections beyond the limit are closed, and the log says so at once, and then only how many they were', async t => {
  const upstream = await startUpstream()
  // An old space that has room for the smallest number of connections.
  const proxy = await startProxy(upstream.origin, { LOG_LEVEL: 'warn' }, systemClock, { nodeOptions: '--max-old-space-size=1' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const clients = Array.from({ length: 10 }, () => net.connect(proxy.port, '127.0.0.1').on('error', () => {}))
  t.teardown(() => { for (const client of clients) client.destroy() })
  await Promise.all(clients.slice(0, 6).map(async client => await once(client.resume(), 'close')))
  const lines = (): unknown[] => proxy.lines.map(line => JSON.parse(line) as unknown).filter(line => String((line as { msg: unknown }).msg).startsWith('client connections are closed'))
  t.match(lines(), [{ level: 40, limit: 4, count: 1 }])
  t.equal((await call(proxy.origin, '/amsu-analysis/v2/things')).status, 200, 'a newcomer is served')
  await proxy.stop()
  t.match(lines(), [{ count: 1 }, { limit: 4, count: 6 }])
})
