/**
 * Clients that write all of a body before they read a byte, as the JDK's `HttpURLConnection` does.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import net from 'node:net'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { startScripted, startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const HEAD = `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\n`
const PIECE = Buffer.alloc(1_000_000, 'x')
const PIECES = 30
const RESPONSE = '{"said":"early"}'

/** Writes a body of 30 MB, waits until the kernel has taken all of it, and only then reads to the end. */
async function postBlockingly (port: number, isChunked: boolean): Promise<{ text: string, isReset: boolean }> {
  const socket = net.connect(port, '127.0.0.1').pause()
  let isReset = false
  socket.on('error', () => { isReset = true })
  const write = async (bytes: string | Buffer): Promise<void> => { await new Promise<void>(resolve => { socket.write(bytes, () => { resolve() }) }) }
  await write(`${HEAD}${isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${PIECES * PIECE.length}`}\r\n\r\n`)
  for (let i = 0; i < PIECES; i++) {
    if (isChunked) await write(`${PIECE.length.toString(16)}\r\n`)
    await write(PIECE)
    if (isChunked) await write('\r\n')
  }
  if (isChunked) await write('0\r\n\r\n')
  let text = ''
  socket.on('data', chunk => { text += chunk.toString('latin1') }).resume()
  await once(socket, 'close')
  return { text, isReset }
}

/** Sends both kinds of body, and checks that each got the early response of AMSU. */
async function checkBoth (t: Test, proxy: Proxy, status: number, heads: () => number): Promise<void> {
  for (const isChunked of [false, true]) {
    const before = heads()
    const { text, isReset } = await postBlockingly(proxy.port, isChunked)
    const name = `${status}, ${isChunked ? 'in chunks' : 'by its length'}`
    t.match(text, new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\n\r\n${RESPONSE}$`), name)
    t.notMatch(text, /x-amsu-proxy-error/i, 'it is AMSU’s own')
    t.notOk(isReset, name)
    t.equal(heads() - before, 1, 'AMSU has seen it once')
  }
  await proxy.untilLogged(2)
  for (const line of proxy.accessLines()) t.match(line, { status, replayed: false })
}

test('a client that writes 30 MB before it reads gets AMSU’s early response, though AMSU reads on', async t => {
  for (const status of [413, 200]) {
    let heads = 0
    const upstream = await startUpstream({
      onHead (req, res) {
        if (req.url !== PATH) return false
        heads++
        req.resume()
        res.writeHead(status, { 'content-type': 'application/json', 'content-length': RESPONSE.length }).end(RESPONSE)
        return true
      },
    })
    const proxy = await startProxy(upstream.origin)
    t.teardown(async () => { await proxy.stop(); await upstream.close() })
    await checkBoth(t, proxy, status, () => heads)
  }
})

test('a client that writes 30 MB before it reads gets AMSU’s early response, though AMSU closes without having read the body', async t => {
  for (const [status, end] of [[413, 'FIN'], [200, 'FIN'], [413, 'RST'], [200, 'RST']] as const) {
    let heads = 0
    const upstream = await startScripted((_head, socket) => {
      heads++
      socket.pause()
      socket.write(`HTTP/1.1 ${status} Early\r\nContent-Type: application/json\r\nContent-Length: ${RESPONSE.length}\r\nConnection: close\r\n\r\n${RESPONSE}`)
      if (end === 'RST') socket.destroy() // not all bytes that came were read
      else socket.end()
    })
    const proxy = await startProxy(upstream.origin)
    t.teardown(async () => { await proxy.stop(); await upstream.close() })
    await checkBoth(t, proxy, status, () => heads)
  }
})
