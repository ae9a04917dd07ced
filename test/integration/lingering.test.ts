/**
 * How a client's connection ends behind its last response: whoever is still writing gets it, and half of one never looks whole.
 */
import { test } from 'tap'
import type net from 'node:net'
import { startProxy } from '../support/proxy.ts'
import { connectBoth, connectRaw, listenOn, statuses, TRANSPORTS } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { startScripted, startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const UPLOAD_BYTES = 3_000_000
const AUTHORIZATION = 'Authorization: Bearer caller-secret\r\n'

/** Resolves once the proxy has read this many bytes, though the client reads nothing; rejects when it has given the connection up. */
async function untilRead (accepted: net.Socket, bytes: number): Promise<void> {
  await until(() => {
    if (accepted.destroyed) throw new Error(`the connection is gone after ${accepted.bytesRead} bytes`)
    return accepted.bytesRead >= bytes
  })
}

for (const transport of TRANSPORTS) {
  test(`a rejection reaches a client that writes 3 MB before it reads: ${transport}`, async t => {
    const upstream = await startUpstream()
    const proxy = await startProxy(upstream.origin, { CALLERS: 'app:caller-secret', MAX_BODY_BYTES: '1000000', ...listenOn(t, transport) })
    t.teardown(async () => { await proxy.stop(); await upstream.close() })
    const length = `Content-Length: ${UPLOAD_BYTES}\r\n\r\n`
    for (const [status, target, head] of [
      ['421', PATH, `Host: evil.example\r\n${AUTHORIZATION}${length}`],
      ['404', '/nothing', `Host: localhost\r\n${AUTHORIZATION}${length}`],
      ['401', PATH, `Host: localhost\r\n${length}`],
      ['413', PATH, `Host: localhost\r\n${AUTHORIZATION}${length}`],
      ['413', PATH, `Host: localhost\r\n${AUTHORIZATION}Transfer-Encoding: chunked\r\n\r\n${UPLOAD_BYTES.toString(16)}\r\n`],
      ['417', PATH, `Host: localhost\r\n${AUTHORIZATION}Expect: tea\r\n${length}`],
    ] as const) {
      const { client, accepted } = await connectBoth(t, proxy)
      client.socket.write(`POST ${target} HTTP/1.1\r\n${head}`)
      client.socket.write(Buffer.alloc(UPLOAD_BYTES))
      await untilRead(accepted, UPLOAD_BYTES)
      t.strictSame(statuses(await client.readAll()), [status], head)
      t.strictSame(client.events, ['end', 'close'])
    }
    t.equal(upstream.received.length, 0)
  })

  test(`AMSU’s early response to an upload that it does not read reaches a client that writes all before it reads: ${transport}`, async t => {
    const bytes = 20_000_000
    const upstream = await startScripted((_head, socket) => { socket.pause() })
    const proxy = await startProxy(upstream.origin, listenOn(t, transport))
    t.teardown(async () => { await proxy.stop(); await upstream.close() })
    const { client, accepted } = await connectBoth(t, proxy)
    client.socket.write(`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes}\r\n\r\n`)
    client.socket.write(Buffer.alloc(bytes))
    await until(() => upstream.heads.length === 1)
    // The upload stands still once no buffer takes more of it.
    let seen = -1
    await until(() => { const stands = accepted.bytesRead === seen; seen = accepted.bytesRead; return stands })
    t.ok(seen < bytes)
    for (const socket of upstream.sockets) socket.write('HTTP/1.1 413 Too large\r\nContent-Length: 2\r\n\r\nno')
    await untilRead(accepted, bytes)
    t.match(await client.readAll(), /^HTTP\/1\.1 413 [^]*\r\n\r\nno$/)
    t.strictSame(client.events, ['end', 'close'])
  })

  test(`all responses reach a client that pipelines more than is read and goes on writing: ${transport}`, async t => {
    const upstream = await startUpstream({ onRequest: (_received, res) => { res.end('ok') } })
    const proxy = await startProxy(upstream.origin, listenOn(t, transport))
    t.teardown(async () => { await proxy.stop(); await upstream.close() })
    const { client, accepted } = await connectBoth(t, proxy)
    client.socket.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(70) + `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`)
    client.socket.write(Buffer.alloc(UPLOAD_BYTES))
    await untilRead(accepted, UPLOAD_BYTES)
    t.strictSame(statuses(await client.readAll()), Array.from({ length: 65 }, () => '200'), 'one in flight and 64 behind it')
    t.strictSame(client.events, ['end', 'close'])
    t.equal(upstream.received.length, 65)
  })
}

test('a response without length to an HTTP/1.0 client that ends its side is reset, never ended as if it were whole; one with a length may end', async t => {
  const upstream = await startScripted((head, socket) => {
    const framing = /with-length/.test(head) ? 'Content-Length: 1000' : /chunked/.test(head) ? 'Transfer-Encoding: chunked' : 'Connection: close'
    socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n5\r\nhello\r\n`)
  })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  for (const [count, name] of ['until-close', 'chunked', 'with-length'].entries()) {
    const client = await connectRaw(t, proxy.origin)
    client.socket.resume()
    client.socket.write(`GET ${PATH}${name} HTTP/1.0\r\nHost: localhost\r\n\r\n`)
    await until(() => client.text().includes('hello'))
    t.equal(/\r\ncontent-length: 1000\r\n/i.test(client.text()), name === 'with-length', name)
    client.socket.end()
    await until(() => client.socket.closed)
    if (name !== 'with-length') t.strictSame(client.events, ['ECONNRESET', 'close'], name)
    await proxy.untilLogged(count + 1)
    t.match(proxy.accessLines()[count], { status: 499 }, name)
    await until(() => upstream.sockets.size <= 1) // that of token calls
  }
})
