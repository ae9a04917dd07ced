/**
 * Requests with thousands of header fields: each connection has a share, and what exceeds it comes from one budget.
 */
import { test, type Test } from 'tap'
import type http from 'node:http'
import { HeaderBudget, SHARE_FIELDS } from '../../src/server/header-budget.ts'
import { Listener } from '../../src/server/listener.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

/** More than a share, in a head of less than 16 kB. */
const MANY_FIELDS = 2_000

function get (fields: number): string {
  return `GET / HTTP/1.1\r\nHost: localhost\r\n${'A:1\r\n'.repeat(fields)}\r\n`
}

async function setUp (t: Test, budget: number): Promise<{ connect: () => Promise<RawClient>, served: http.ServerResponse[], rejected: string[] }> {
  const served: http.ServerResponse[] = []
  const rejected: string[] = []
  const listener = new Listener({ tls: undefined, headTimeoutMs: undefined, headerBudget: new HeaderBudget(budget), onRequest (_req, res) { served.push(res) }, onRejected ({ code }) { rejected.push(code); return 'an-id' } })
  const origin = await listener.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => { listener.destroyAll(); await listener.close() })
  return { connect: async () => { const client = await connectRaw(t, origin); client.socket.resume(); return client }, served, rejected }
}

test('a request beyond the share and the budget gets 431, and other clients are served', async t => {
  const { connect, rejected, served } = await setUp(t, MANY_FIELDS)
  const [first, second, third] = [await connect(), await connect(), await connect()]
  first.socket.write(get(MANY_FIELDS))
  await until(() => served.length === 1)
  second.socket.write(get(MANY_FIELDS))
  await until(() => second.text().includes(' 431 '))
  t.match(second.text(), 'PROXY.HEAD_TOO_LARGE')
  t.strictSame(rejected, ['HEAD_TOO_LARGE'])
  third.socket.write(get(SHARE_FIELDS - 20))
  await until(() => served.length === 2)
})

test('the budget is given back when a request ends, and when its client leaves', async t => {
  const { connect, rejected, served } = await setUp(t, MANY_FIELDS)
  for (const end of [(client: RawClient) => { served.at(-1)?.end('served'); return client }, (client: RawClient) => { client.socket.destroy(); return client }]) {
    const before = served.length
    const client = await connect()
    client.socket.write(get(MANY_FIELDS) + get(10))
    await until(() => served.length === before + 1)
    const ended = new Promise<void>(resolve => { served.at(-1)?.once('close', resolve) })
    end(client)
    await ended
  }
  const before = served.length
  const last = await connect()
  last.socket.write(get(MANY_FIELDS))
  await until(() => served.length === before + 1)
  t.strictSame(rejected, [])
})
