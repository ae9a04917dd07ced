/** A lingering close whose socket never reports that the client is gone. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'tap'
import { LingeringClose } from '../../src/relay/lingering-close.ts'

const times = { silenceMs: 20, tlsStallMs: 20, checkMs: 5 }

/** A socket that accepts data and never finishes writing it: what Node's TLS becomes when its session tickets meet a reset. */
function stuckSocket (isTls: boolean): Socket {
  const stuck = new Duplex({ read () {}, write () {} })
  return Object.assign(stuck, { bytesRead: 0, bytesWritten: 100 }, isTls ? { encrypted: true } : {}) as unknown as Socket
}

/** Waits in a running process: a closing connection does not keep one running. */
async function closed (socket: Socket): Promise<void> {
  const running = setInterval(() => {}, 1_000)
  await new Promise<void>(resolve => { socket.once('close', () => { resolve() }) })
  clearInterval(running)
}

test('A TLS connection that can neither write nor fail is destroyed when its client has closed its side', async t => {
  const socket = stuckSocket(true)
  new LingeringClose(socket, times).start('a local reply')
  socket.push(null)
  await closed(socket)
  t.ok(socket.destroyed)
})

test('A client may take long to read its last response, unless it speaks TLS and has closed its side', async t => {
  for (const [name, isTls, hasClosed] of [['a TLS client that is still there', true, false], ['a plain TCP client that has closed its side', false, true]] as const) {
    const socket = stuckSocket(isTls)
    const lingering = new LingeringClose(socket, times)
    lingering.limit = { bytes: Infinity, ms: 400 }
    const startedMs = performance.now()
    lingering.start('a local reply')
    if (hasClosed) socket.push(null)
    await closed(socket)
    t.ok(performance.now() - startedMs > 300, `${name}: only the limit of the whole close ends it`)
  }
})

test('What the parser has read of a connection that discards is no request, and the next connection is served', async t => {
  const server = createServer({ requireHostHeader: false })
  t.teardown(() => { server.close() })
  let requests = 0
  server.on('request', ({ socket }: IncomingMessage) => {
    requests++
    new LingeringClose(socket, times).discardParsed()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // Node uses the parser of the first connection again.
  for (const expected of [1, 2, 3]) {
    const requested = once(server, 'request') as Promise<[IncomingMessage]>
    const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\n\r\n'.repeat(3_000))
    const [{ socket }] = await requested
    client.end()
    await once(socket, 'end')
    t.equal(requests, expected)
    client.destroy()
    socket.destroy()
    await once(socket, 'close')
  }
})
