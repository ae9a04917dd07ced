/**
 * Requests of a few bytes, thousands in one read: what a client may not send ahead is discarded before it costs objects.
 */
import { test } from 'tap'
import { call } from '../support/client.ts'
import { endProgram, startProgram } from '../support/program.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRaw, listenOn, TRANSPORTS } from '../support/raw-client.ts'
import { startUpstream } from '../support/upstream.ts'

/** As many bytes as Node reads at once. */
const REJECTED = 'GET / HTTP/1.1\r\n\r\n'.repeat(3_600)
const SERVED = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1_600)
/** One in flight, and 64 that may wait. */
const TAKEN = 65

test('thousands of short requests in one read, on as many connections as there may be, end no process', async t => {
  const upstream = await startUpstream({})
  t.teardown(upstream.close)
  const program = await startProgram(upstream.origin, { CALLERS: 'app:caller-secret' }, ['--max-old-space-size=48'])
  t.teardown(async () => { await endProgram(program) })
  for (let i = 0; i < 90 && program.child.exitCode === null && program.child.signalCode === null; i++) {
    const { socket } = await connectRaw(t, program.origin)
    socket.write(REJECTED)
    if (i % 5 === 0) await call(program.origin, '/livez')
  }
  t.strictSame([program.child.exitCode, program.child.signalCode], [null, null])
  t.equal((await call(program.origin, '/livez')).status, 200)
})

test('the requests before those that are discarded in the same read get whole responses, and the last one closes', async t => {
  const upstream = await startUpstream({})
  t.teardown(upstream.close)
  for (const transport of TRANSPORTS) {
    const proxy = await startProxy(upstream.origin, listenOn(t, transport))
    t.teardown(proxy.stop)
    const client = await connectRaw(t, proxy.origin)
    client.socket.write(SERVED)
    const responses = (await client.readAll()).split(/(?=HTTP\/1\.1 )/)
    t.equal(responses.length, TAKEN, transport)
    t.ok(responses.every(response => response.endsWith(`\r\n\r\n${responses[0]?.split('\r\n\r\n')[1] ?? 'none'}`)), 'whole')
    t.strictSame(responses.map(response => /\r\nconnection: close\r\n/i.test(response)), responses.map((_, i) => i === TAKEN - 1))
    t.notOk(client.events.includes('ECONNRESET'))
  }
})
