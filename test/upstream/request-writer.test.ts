import { test, type Test } from 'tap'
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import type { BodySink, BodySource, OutgoingRequest } from '../../src/upstream/pending-request.ts'
import { RequestWriter } from '../../src/upstream/request-writer.ts'

/** A chunk that is written as text, and one that is written separately. */
const SHORT = 16_384
const LONG = 16_385

type OnWritten = (error?: Error | null) => void

/** The calls on a socket. Writes between `cork` and `uncork` are sent as one. */
class Recorder {
  readonly writes: string[] = []
  readonly callbacks: OnWritten[] = []
  takesMore = true
  writableLength = 0
  #corked: string | undefined

  write (data: string | Buffer, ...rest: unknown[]): boolean {
    const text = typeof data === 'string' ? Buffer.from(data, rest[0] as BufferEncoding).toString('latin1') : data.toString('latin1')
    const callback = rest.find(value => typeof value === 'function')
    if (callback !== undefined) this.callbacks.push(callback as OnWritten)
    if (this.#corked === undefined) this.writes.push(text)
    else this.#corked += text
    return this.takesMore
  }

  cork (): void {
    this.#corked = ''
  }

  uncork (): void {
    this.writes.push(this.#corked as string)
    this.#corked = undefined
  }
}

function setUp (): { socket: Recorder, writer: RequestWriter } {
  const socket = new Recorder()
  return { socket, writer: new RequestWriter(socket as unknown as Socket) }
}

/** A body that is fed by hand. */
class Hand implements BodySource {
  sink: BodySink | undefined
  start (sink: BodySink): void { this.sink = sink }
  resume (): void {}
  destroy (): void {}
}

function request (fields: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return { method: 'POST', target: '/a?b', headers: ['host', 'amsu.test'], body: undefined, ...fields }
}

test('a request without a body is one write, and says so where a body could be', async t => {
  for (const [method, isLast, head] of [
    ['GET', false, 'GET /a?b HTTP/1.1\r\nhost: amsu.test\r\nconnection: keep-alive\r\n\r\n'],
    ['GET', true, 'GET /a?b HTTP/1.1\r\nhost: amsu.test\r\nconnection: close\r\n\r\n'],
    ['HEAD', false, 'HEAD /a?b HTTP/1.1\r\nhost: amsu.test\r\nconnection: keep-alive\r\n\r\n'],
    ['DELETE', false, 'DELETE /a?b HTTP/1.1\r\nhost: amsu.test\r\nconnection: keep-alive\r\n\r\n'],
    ...['POST', 'PUT', 'PATCH'].map(method => [method, false, `${method} /a?b HTTP/1.1\r\nhost: amsu.test\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n`] as const),
  ] as const) {
    const { socket, writer } = setUp()
    let sent = 0
    writer.send(request({ method }), isLast, () => { sent++ })
    t.strictSame(socket.writes, [head])
    t.equal(sent, 1)
  }
})

test('a length that the headers state is not stated again', async t => {
  const { socket, writer } = setUp()
  writer.send(request({ headers: ['Content-Length', '0'] }), false, () => {})
  t.strictSame(socket.writes, ['POST /a?b HTTP/1.1\r\nContent-Length: 0\r\nconnection: keep-alive\r\n\r\n'])
})

test('a body is sent in as few writes as possible: with its head, and chunked if no length is stated', async t => {
  for (const [name, pieces, isChunked, writes] of [
    ['a short one', [5], false, 1],
    ['the largest short one', [SHORT], false, 1],
    ['a long one', [LONG], false, 1],
    ['long pieces', [LONG, LONG], false, 2],
    ['short pieces', [5, 5, 5], false, 3],
    ['a short chunk', [5], true, 2],
    ['a long chunk', [LONG], true, 2],
    ['chunks', [5, LONG, 5], true, 4],
    ['no chunk', [], true, 1],
    ['no piece', [], false, 1],
  ] as const) {
    const { socket, writer } = setUp()
    const body = new Hand()
    const bytes = pieces.map((length, i) => Buffer.alloc(length, 0xf8 + i))
    const total = bytes.reduce((sum, { length }) => sum + length, 0)
    let sent = 0
    writer.send(request({ headers: isChunked ? ['a', '\xe9'] : ['content-LENGTH', String(total)], body }), false, () => { sent++ })
    t.strictSame(socket.writes, [], 'the head waits for the body')
    for (const piece of bytes) body.sink?.write(piece, false)
    t.equal(sent, 0)
    body.sink?.end()
    t.equal(sent, 1)
    const head = `POST /a?b HTTP/1.1\r\n${isChunked ? 'a: \xe9\r\ntransfer-encoding: chunked' : `content-LENGTH: ${total}`}\r\nconnection: keep-alive\r\n\r\n`
    const text = bytes.map(piece => isChunked ? `${piece.length.toString(16)}\r\n${piece.toString('latin1')}\r\n` : piece.toString('latin1')).join('')
    t.equal(socket.writes.join(''), `${head}${text}${isChunked ? '0\r\n\r\n' : ''}`, name)
    t.equal(socket.writes.length, writes, name)
  }
})

test('an empty piece writes nothing: among chunks it would be the end', async t => {
  for (const headers of [[], ['content-length', '2']]) {
    const { socket, writer } = setUp()
    const body = new Hand()
    writer.send(request({ headers, body }), false, () => {})
    for (const text of ['', 'o', '', 'k', '']) t.ok(body.sink?.write(Buffer.from(text), true))
    t.equal(socket.writes.length, 2)
    body.sink?.end()
    t.match(socket.writes.join(''), headers.length === 0 ? /\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n$/ : /\r\n\r\nok$/)
  }
})

test('a buffered body is sent completely, whatever its length', async t => {
  for (const [text, headers, end] of [
    ['', [], '\r\n\r\n0\r\n\r\n'],
    ['', ['content-length', '0'], '\r\n\r\n'],
    ['hello', [], '\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
    ['hello', ['content-length', '5'], '\r\n\r\nhello'],
    ['x'.repeat(LONG), ['content-length', String(LONG)], `\r\n\r\n${'x'.repeat(LONG)}`],
  ] as const) {
    const { socket, writer } = setUp()
    let sent = 0
    writer.send(request({ headers, body: Buffer.from(text) }), false, () => { sent++ })
    t.ok(socket.writes.join('').endsWith(`connection: keep-alive${end}`))
    t.equal(sent, 1)
  }
})

test('the writer reports backpressure, in each way a piece is written', async t => {
  for (const [headers, size] of [[[], 5], [[], LONG], [['content-length', '99999'], 5], [['content-length', '99999'], LONG]] as const) {
    const { socket, writer } = setUp()
    const body = new Hand()
    writer.send(request({ headers, body }), false, () => {})
    for (const takesMore of [true, false, true]) {
      socket.takesMore = takesMore
      t.equal(body.sink?.write(Buffer.alloc(size), false), takesMore)
    }
  }
})

/** Which of these texts are sent somewhere in a head. */
function sentAnyway (texts: readonly string[]): string[] {
  const sent = new Set<string>()
  for (const text of texts.flatMap(part => [part, `a${part}`, `${part}a`, `a${part}a`])) {
    for (const fields of [{ method: `GET${text}` }, { target: `/${text}` }, { headers: [`a${text}`, 'b'] }, { headers: ['a', text] }, { headers: ['x', 'y', 'a', text, 'z', '1'] }]) {
      for (const body of [undefined, Buffer.from('x'), new Hand()]) {
        const { socket, writer } = setUp()
        try {
          writer.send(request({ ...fields, body }), false, () => {})
          sent.add(JSON.stringify(fields))
        } catch (error) {
          if ((error as { code?: string }).code !== 'ERR_UNSENDABLE_REQUEST' || socket.writes.length > 0) throw error
        }
      }
    }
  }
  return [...sent]
}

test('a head that contains a line break in a value is not sent, and no byte of it is written', async t => {
  t.strictSame(sentAnyway(['\r', '\n', '\0', '\n\r', '\r\r']), [])
  t.strictSame(sentAnyway(['\r\n', '\r\nx: y', '\r\n x', '\r\n\r\n', '\r\n\r\nGET / HTTP/1.1\r\n']), [])
})

test('a head with characters outside Latin-1 is not sent: their low bytes would be a line break (CVE-2018-12116)', async t => {
  t.strictSame(sentAnyway(['\u010d', '\u010a', '\u0100', '\u560d\u560a', '\u010d\u010ax: y', '\u0141']), [])
})

test('the error says what is wrong with a head, and nothing of what is in it', async t => {
  const { writer } = setUp()
  t.throws(() => { writer.send(request({ headers: ['authorization', 'Bearer a\nb'] }), false, () => {}) },
    { name: 'UnsendableRequestError', code: 'ERR_UNSENDABLE_REQUEST', message: 'the request head holds characters that cannot be sent', cause: undefined })
})

test('requests follow one another, and nothing of one is left for the next', async t => {
  const { socket, writer } = setUp()
  writer.send(request({ body: Buffer.from('a') }), false, () => {})
  writer.send(request({ method: 'GET' }), false, () => {})
  writer.send(request({ headers: ['content-length', '1'], body: Buffer.from('b') }), true, () => {})
  t.equal(socket.writes.join('').replaceAll('\r\n', '|'),
    'POST /a?b HTTP/1.1|host: amsu.test|transfer-encoding: chunked|connection: keep-alive||1|a|0||' +
    'GET /a?b HTTP/1.1|host: amsu.test|connection: keep-alive||' +
    'POST /a?b HTTP/1.1|content-length: 1|connection: close||b')
})

test('the memory of released pieces is freed once they are written', async t => {
  for (const [mayFree, error, isFreed] of [[true, undefined, true], [true, null, true], [true, new Error('EPIPE'), false], [false, undefined, false]] as const) {
    for (const headers of [[], ['content-length', '99999']]) {
      const { socket, writer } = setUp()
      const body = new Hand()
      writer.send(request({ headers, body }), false, () => {})
      for (let i = 0; i < 2; i++) {
        const piece = Buffer.alloc(LONG)
        let freed = 0
        // Node.js 20 cannot release memory; only the call can be observed.
        Object.defineProperty(piece.buffer, 'transfer', { value: () => { freed++ } })
        body.sink?.write(piece, mayFree)
        t.equal(freed, 0, 'not before')
        for (const callback of socket.callbacks.splice(0)) callback(error)
        t.equal(freed, isFreed ? 1 : 0)
      }
    }
  }
})

async function collect (t: Test): Promise<{ client: Socket, bytes: Promise<Buffer> }> {
  const server = net.createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = await once(server, 'connection') as [Socket]
  return { client, bytes: socket.toArray().then(chunks => Buffer.concat(chunks as Buffer[])) }
}

test('bytes arrive as they were, although their memory is freed behind them', async t => {
  const { client, bytes } = await collect(t)
  const writer = new RequestWriter(client)
  const body = new Hand()
  writer.send(request({ body }), true, () => { client.end() })
  const sizes = [1, 10_000, 100_000, 1_000_000, 16_384, 8_192, 3_000_000]
  for (const [i, size] of sizes.entries()) body.sink?.write(Buffer.alloc(size, 97 + i), true)
  body.sink?.end()
  const text = (await bytes).toString('latin1')
  const chunks = sizes.map((size, i) => `${size.toString(16)}\r\n${String.fromCharCode(97 + i).repeat(size)}\r\n`).join('')
  t.ok(text.endsWith(`\r\n\r\n${chunks}0\r\n\r\n`))
})

test('a short chunk that waits to be written stops the body until it is: thousands of them count as few bytes', async t => {
  for (const error of [undefined, new Error('broken')]) {
    let drains = 0
    const [socket, body] = [new Recorder(), new Hand()]
    const writer = new RequestWriter(socket as unknown as Socket, () => { drains++ })
    writer.send(request({ body }), false, () => {})
    t.equal(body.sink?.write(Buffer.from('x'), false), true, 'the kernel has taken it')
    socket.writableLength = 6
    t.equal(body.sink?.write(Buffer.from('y'), false), false)
    socket.callbacks.at(-1)?.(error)
    t.equal(drains, error === undefined ? 1 : 0, 'nobody goes on after a failed write')
    t.equal(body.sink?.write(Buffer.alloc(1_024), false), true, 'a longer one is counted by its bytes')
  }
})
