/**
 * Requests whose bodies arrive in chunks of a few bytes: what they cost while nobody reads, and that every byte arrives in its order.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createHttpServer } from '../../src/server/http-server.ts'
import { until } from '../support/until.ts'

const CHUNKED = 'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n'
const COUNTED = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: '

/** A chunk for each piece. */
function chunks (pieces: readonly string[]): string {
  return pieces.map(piece => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')
}

/** Pieces of one byte, whose order can be told. */
function singles (count: number): string[] {
  return Array.from({ length: count }, (_, i) => String.fromCharCode(97 + i % 26))
}

/** A request whose head has arrived, and whose body nobody reads yet. */
async function startRequest (t: Test, head: string): Promise<{ client: Socket, req: IncomingMessage }> {
  const server = createHttpServer(undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const requested = once(server, 'request')
  const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => { client.destroy(); server.close() })
  client.setNoDelay(true)
  client.write(head)
  const [req] = await requested as [IncomingMessage]
  return { client, req }
}

/** Reads the body in flowing mode. */
async function read (req: IncomingMessage): Promise<string[]> {
  const pieces: string[] = []
  req.on('data', (chunk: Buffer) => { pieces.push(chunk.toString()) })
  await once(req, 'end')
  return pieces
}

/** Writes each piece once the one before it has been read from the socket. */
async function writeApart (client: Socket, req: IncomingMessage, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    const before = req.socket.bytesRead
    client.write(piece)
    while (req.socket.bytesRead === before) await nextTurn()
  }
}

test('thousands of chunks of one byte that nobody reads are a few buffers', async t => {
  const { client, req } = await startRequest(t, CHUNKED)
  const sent = singles(5_000)
  client.write(chunks(sent) + '0\r\n\r\n')
  await until(() => req.complete)
  const pieces = await read(req)
  t.equal(pieces.join(''), sent.join(''))
  t.ok(pieces.length < 10, `${pieces.length} buffers`)
})

test('chunks that arrive one by one while nobody reads are joined, with a length or without', async t => {
  const sent = singles(300)
  for (const [head, parts] of [[CHUNKED, [...sent.map(piece => chunks([piece])), '0\r\n\r\n']], [`${COUNTED}300\r\n\r\n`, sent]] as const) {
    const { client, req } = await startRequest(t, head)
    await writeApart(client, req, parts)
    const pieces = await read(req)
    t.equal(pieces.join(''), sent.join(''))
    t.ok(pieces.length < 10, `${pieces.length} buffers`)
  }
})

test('the chunks of one read are joined while the body is read, and come without waiting for more', async t => {
  const { client, req } = await startRequest(t, CHUNKED)
  const pieces: string[] = []
  req.on('data', (chunk: Buffer) => { pieces.push(chunk.toString()) })
  client.write(chunks(singles(1_000)))
  await until(() => pieces.join('').length === 1_000)
  t.ok(pieces.length < 5, `${pieces.length} buffers`)
  client.write(chunks(['last']))
  await until(() => pieces.at(-1) === 'last')
})

test('short and long chunks keep their order', async t => {
  const { client, req } = await startRequest(t, CHUNKED)
  const sent = ['a', 'b'.repeat(1_023), 'c', 'd'.repeat(1_024), 'e', 'f'.repeat(20_000), 'g', 'h', 'i'.repeat(1_025), ...singles(20_000)]
  client.write(chunks(sent) + '0\r\n\r\n')
  await until(() => req.readableLength > 0 || req.complete)
  t.equal((await read(req)).join(''), sent.join(''))
  t.ok(req.complete)
})

test('a body that is paused and resumed again and again is whole', async t => {
  const { client, req } = await startRequest(t, CHUNKED)
  const sent = singles(100_000)
  let text = ''
  req.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    req.pause()
    setImmediate(() => { req.resume() })
  })
  client.write(chunks(sent) + '0\r\n\r\n')
  await once(req, 'end')
  t.equal(text, sent.join(''))
})

test('who does not read stops the client, although its chunks are short', async t => {
  const { client, req } = await startRequest(t, CHUNKED)
  const sent = singles(300_000)
  client.write(chunks(sent) + '0\r\n\r\n')
  await until(() => req.socket.isPaused())
  t.ok(req.socket.bytesRead < 1_000_000, `${req.socket.bytesRead} bytes were read of the socket`)
  t.equal((await read(req)).join('').length, sent.length)
})

test('a body is read on `readable` and by iteration too', async t => {
  const sent = singles(500)
  const { client, req } = await startRequest(t, CHUNKED)
  client.write(chunks(sent.slice(0, 250)))
  const text = (async () => {
    let all = ''
    for await (const chunk of req) all += String(chunk)
    return all
  })()
  client.write(chunks(sent.slice(250)) + '0\r\n\r\n')
  t.equal(await text, sent.join(''))
})

test('a body that is destroyed while chunks are joined tells nothing more', async t => {
  const { client, req } = await startRequest(t, CHUNKED)
  client.write(chunks(singles(100)))
  await until(() => req.socket.bytesRead > CHUNKED.length + 500)
  req.on('data', () => { t.fail('data after the end') })
  req.destroy()
  await once(req, 'close')
})
