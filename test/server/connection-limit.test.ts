/**
 * More connections than there may be: the oldest that nobody is served on makes room.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import type http from 'node:http'
import { Secret } from '../../src/secrets/secret.ts'
import { Listener } from '../../src/server/listener.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { pemPath, readPair } from '../support/tls.ts'
import { until } from '../support/until.ts'

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
const LIMIT = 4

interface Scene {
  /** Connects, and resolves when the listener has accepted it. */
  readonly connect: () => Promise<RawClient>
  /** Requests that are being served. */
  readonly served: http.ServerResponse[]
}

async function setUp (t: Test, scheme: 'http' | 'https'): Promise<Scene> {
  const served: http.ServerResponse[] = []
  const tls = scheme === 'http' ? undefined : { cert: readPair('server').cert, key: new Secret(readPair('server').key), certPath: pemPath('server.pem'), keyPath: pemPath('server-key.pem') }
  const listener = new Listener({ tls, headTimeoutMs: undefined, maxConnections: LIMIT, onRequest (_req, res) { served.push(res) }, onRejected: () => 'an-id' })
  const origin = await listener.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => { listener.destroyAll(); await listener.close() })
  const [server] = listener.servers as [http.Server]
  async function connect (): Promise<RawClient> {
    const accepted = once(server, scheme === 'http' ? 'connection' : 'secureConnection')
    const client = await connectRaw(t, origin)
    client.socket.on('end', () => { client.socket.end() }).resume()
    await accepted
    return client
  }
  return { connect, served }
}

for (const scheme of ['http', 'https'] as const) {
  test(`one connection too many gives up the oldest without a request in flight, never one that is served: ${scheme}`, async t => {
    const { connect, served } = await setUp(t, scheme)
    const clients: RawClient[] = []
    for (let i = 0; i < LIMIT; i++) clients.push(await connect())
    const [first, second, third, fourth] = clients as [RawClient, RawClient, RawClient, RawClient]
    for (const client of [first, third]) client.socket.write(GET)
    await until(() => served.length === 2)
    const fifth = await connect()
    await until(() => second.socket.closed)
    t.strictSame([first, third, fourth, fifth].map(({ socket }) => socket.closed), [false, false, false, false])
    const sixth = await connect()
    await until(() => fourth.socket.closed)
    for (const res of served.splice(0)) res.end('served')
    await until(() => [first, third].every(client => client.text().includes('served')))
    t.strictSame([first, third, fifth, sixth].map(({ socket }) => socket.closed), [false, false, false, false])
  })
}

test('when every connection is busy the newest one is closed', async t => {
  const { connect, served } = await setUp(t, 'http')
  const clients: RawClient[] = []
  for (let i = 0; i < LIMIT; i++) {
    const client = await connect()
    client.socket.write(GET)
    clients.push(client)
  }
  await until(() => served.length === LIMIT)
  const late = await connect()
  await until(() => late.socket.closed)
  for (const res of served) res.end('served')
  await until(() => clients.every(client => client.text().includes('served')))
  t.ok(clients.every(({ socket }) => !socket.closed))
})
