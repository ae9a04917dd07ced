/**
 * Bodies that arrive in the smallest pieces and are sent again: the program as it is shipped. What they cost is measured in
 * test/relay/replay-buffer.test.ts.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import type http from 'node:http'
import net from 'node:net'
import { endProgram, startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'
import { json, startUpstream, type Received } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const BODY_BYTES = 20_000
const BODIES = 2
/** A chunk of the chunked coding. */
function chunk (bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}

/** Posts a body in chunks of the lengths that `lengths` repeats; resolves to all that came back. */
async function postInChunks (port: number, body: Buffer, lengths: readonly number[]): Promise<string> {
  const socket = net.connect(port, '127.0.0.1')
  socket.write(`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`)
  const chunks: Buffer[] = []
  for (let i = 0, at = 0; at < body.length; at += lengths[i++ % lengths.length] as number) chunks.push(chunk(body.subarray(at, at + (lengths[i % lengths.length] as number))))
  socket.write(Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]))
  let text = ''
  socket.on('data', bytes => { text += bytes.toString('latin1') }).on('error', () => {})
  await once(socket, 'close')
  return text
}

/** Posts bodies in pieces to an AMSU that holds all of them before it rejects their token. */
async function check (t: Test, lengths: readonly number[]): Promise<void> {
  const held: http.ServerResponse[] = []
  const again: Received[] = []
  const upstream = await startUpstream({
    onRequest (received, res) {
      if (held.length === BODIES) { again.push(received); res.end('ok') } else if (held.push(res) === BODIES) for (const response of held) json(response, 401, {})
    },
  })
  const program = await startProgram(upstream.origin)
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  const bodies = Array.from({ length: BODIES }, (_, i) => Buffer.from(Array.from({ length: BODY_BYTES }, (_, j) => (i + j) % 251)))
  const texts = await Promise.all(bodies.map(async body => await postInChunks(Number(new URL(program.origin).port), body, lengths)))
  for (const text of texts) t.match(text, /^HTTP\/1\.1 200 /)
  t.equal(program.child.exitCode, null, 'the program lives')
  await until(() => again.length === BODIES, 1_000)
  for (const body of bodies) t.equal(again.filter(received => received.body.equals(body)).length, 1, 'each was sent again, byte for byte')
}

test('a body that arrives in chunks of one byte is sent again byte for byte', async t => {
  await check(t, [1])
})

test('a body of short chunks with a long one now and then is sent again byte for byte', async t => {
  await check(t, [...Array.from({ length: 255 }, () => 1), 4_096])
})
