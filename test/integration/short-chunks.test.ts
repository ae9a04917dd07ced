/**
 * Bodies of chunks of one byte: they count as a few kilobytes and cost megabytes of objects. Nobody may end a process by them that has
 * little memory, wherever they wait.
 */
import { test, type Test } from 'tap'
import { call } from '../support/client.ts'
import { endProgram, startProgram, type Program } from '../support/program.ts'
import { connectRaw } from '../support/raw-client.ts'
import { json, startUpstream } from '../support/upstream.ts'

const CHUNKED = 'POST /amsu-analysis/v2/things/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n'
/** More chunks than any buffer of Node's has bytes. */
const SHORT_CHUNKS = '1\r\nx\r\n'.repeat(70_000)
const CLIENTS = 20
/** Rounds in which the process reads what a client has sent. */
const READS = 10

/** A process with little memory, before an AMSU that does not respond. */
async function startSmall (t: Test, settings: Record<string, string> = {}): Promise<Program> {
  const upstream = await startUpstream({
    onRequest () {},
    onToken (_received, res) { json(res, 200, { access_token: 'x'.repeat(40), token_type: 'bearer', expires_in: 86_400 }) },
  })
  t.teardown(upstream.close)
  const program = await startProgram(upstream.origin, settings, ['--max-old-space-size=48'])
  t.teardown(async () => { await endProgram(program) })
  return program
}

/** Sends the same on many connections; the process responds all the while. */
async function attack (t: Test, program: Program, head: string): Promise<void> {
  for (let i = 0; i < CLIENTS; i++) {
    const { socket } = await connectRaw(t, program.origin)
    socket.write(head + SHORT_CHUNKS)
    for (let reads = 0; reads < READS; reads++) await call(program.origin, '/livez')
  }
  t.strictSame([program.child.exitCode, program.child.signalCode], [null, null])
}

test('chunks of one byte that wait behind another request end no process', async t => {
  const program = await startSmall(t)
  await attack(t, program, `GET /amsu-analysis/v2/slow/ HTTP/1.1\r\nHost: localhost\r\n\r\n${CHUNKED}`)
})

test('chunks of one byte for which there is no connection to AMSU end no process', async t => {
  const program = await startSmall(t, { UPSTREAM_MAX_CONNECTIONS: '1' })
  const kept = 990_000
  await attack(t, program, `${CHUNKED}${kept.toString(16)}\r\n${'x'.repeat(kept)}\r\n`)
})
