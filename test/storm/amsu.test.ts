import { once } from 'node:events'
import net from 'node:net'
import { test } from 'tap'
import { chooseFault, faultQuery, plain } from './amsu-fault.ts'
import type { AmsuFault } from './amsu-fault.ts'
import { Amsu } from './amsu.ts'
import { StormClient } from './client.ts'
import { checkRequest, outcomeOf } from './outcome-oracle.ts'
import { makeRequest } from './plan-request.ts'
import { RequestLedger } from './request-ledger.ts'
import type { RequestRecord } from './request-ledger.ts'
import type { ConnectionScript, Step } from './script.ts'
import { createRandom } from '../soak/random.ts'

const ledger = new RequestLedger()
const amsu = new Amsu(60, ledger.noteArrival)
let count = 0

/** Lets a client talk to the stand-in itself. */
async function talk (fault: AmsuFault, bodyBytes = 5, more: readonly Step[] = []): Promise<RequestRecord> {
  const request = makeRequest({ id: `storm-test-0-${count++}`, method: 'POST', body: { bytes: bodyBytes, isChunked: false }, fault })
  const script: ConnectionScript = {
    index: 0, name: 'test', proxy: 'plain', requests: [request], steps: [{ do: 'send', bytes: request.head, begins: [0] }, { do: 'sendBody', request: 0, from: 0, to: bodyBytes, pieceBytes: 65_536, pauseMs: 0 }, ...more],
  }
  const [record] = ledger.open(script)
  await new StormClient(script, [record!], { host: '127.0.0.1', port: Number(new URL(amsu.origin).port), isTls: false }).run()
  return record!
}

await test('the stand-in does what a request asks for, the client records what it gets, and the ledger has both', async t => {
  await amsu.up()
  t.teardown(() => { amsu.down(true) })
  const right = await talk(plain)
  t.equal(outcomeOf(right), 'relayed: own')
  t.match(right, { response: { status: 200, bodyBytes: 20, isBodyRight: true, isWhole: true }, arrivals: [{ isWhole: true, isBodyRight: true, bodyBytes: 5, isResponded: true }] })
  t.match((await talk({ ...plain, framing: 'chunked', size: 30_000 })).response, { bodyBytes: 30_000, isBodyRight: true, isWhole: true })
  t.match((await talk({ ...plain, framing: 'close', size: 30_000 })).response, { bodyBytes: 30_000, isBodyRight: true, isWhole: true })
  t.match((await talk({ ...plain, name: 'early', how: 'reset' }, 3_000_000)), { wholeAt: undefined, response: { status: 413, isWhole: true } })
  t.match((await talk({ ...plain, name: 'headOnly', how: 'reset' })), { ending: /FIN|ECONNRESET/, response: { status: 200, isWhole: false } })
  t.match((await talk({ ...plain, name: 'break', at: 10, how: 'end' })), { ending: 'FIN', response: undefined })
  t.match((await talk({ ...plain, name: 'refusal' })), { response: { status: 401 }, arrivals: [{ isRefused: true }] })
  t.match((await talk({ ...plain, name: 'interim', variant: 2 })), { response: { status: 200, isWhole: true } })
  t.match((await talk({ ...plain, name: 'behind' })), { ending: /a response nobody asked for/ })
  t.match((await talk(plain, 5, [{ do: 'leave', how: 'reset' }])), { leftAt: Number, response: undefined })
})

await test('a client that talks to AMSU itself finds nothing wrong where AMSU does nothing wrong', async t => {
  await amsu.up()
  t.teardown(() => { amsu.down(true) })
  const random = createRandom(1)
  for (const name of ['plain', 'drip', 'early', 'interim', 'stale', 'largeHead', 'large', 'noContent'] as const) {
    const record = await talk({ ...chooseFault(random), name, at: 0, size: 200, delayMs: 0 }, 1_000)
    record.lines.push({ text: '', msg: 'request', status: record.response?.status, errorCode: undefined })
    t.same(checkRequest(record, { lateMs: () => 0, wasDown: () => false, hasBroken: () => false, hasStrayed: () => false, isDisplaced: () => false }), [], name)
  }
})

const largeUntilClose: AmsuFault = { ...plain, name: 'large', size: 16_000_000, framing: 'close' }

await test('unsolicited bytes for an earlier request never cut a response that ends the connection', async t => {
  await amsu.up()
  t.teardown(() => { amsu.down(true) })
  const faults: AmsuFault[] = [{ ...plain, name: 'unasked', variant: 3, delayMs: 50 }, largeUntilClose]
  const requests = faults.map(fault => makeRequest({ id: `storm-test-0-${count++}`, fault }))
  const [first, second] = requests.map(({ head }, i) => ({ do: 'send', bytes: head, begins: [i], completes: [i] }) as const)
  const script: ConnectionScript = { index: 0, name: 'test', proxy: 'plain', requests, steps: [first!, { do: 'await', responses: 1 }, second!, { do: 'pause', ms: 150 }] }
  const records = ledger.open(script)
  await new StormClient(script, records, { host: '127.0.0.1', port: Number(new URL(amsu.origin).port), isTls: false }).run()
  t.match(records[1], { response: { bodyBytes: 16_000_000, isWhole: true }, arrivals: [{ isBroken: false, isCutCleanly: false, isTainted: false }] })
})

await test('the ledger knows whether a broken response may look complete', async t => {
  await amsu.up()
  t.teardown(() => { amsu.down(true) })
  const table: Array<[string, AmsuFault, AmsuFault['how'], boolean]> = [
    ['the connection is ending, so it cannot be reset', largeUntilClose, 'reset', true],
    ['a reset', { ...largeUntilClose, name: 'drip' }, 'reset', false],
    ['an end in the middle', { ...largeUntilClose, name: 'drip' }, 'end', true],
    ['an end in the middle of a response with a length', { ...largeUntilClose, name: 'drip', framing: 'length' }, 'end', false],
    ['an end behind the response', { ...largeUntilClose, framing: 'length' }, 'end', false],
  ]
  for (const [name, fault, how, isCutCleanly] of table) {
    const request = makeRequest({ id: `storm-test-0-${count++}`, fault })
    const [record] = ledger.open({ index: 0, name: 'test', proxy: 'plain', requests: [request], steps: [] })
    const socket = net.connect(Number(new URL(amsu.origin).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write(request.head)
    await once(socket, 'readable')
    amsu.breakAll(how)
    t.match(record!.arrivals, [{ isBroken: true, isCutCleanly }], name)
    socket.destroy()
  }
})

await test('an unexpected arrival is recorded as such', async t => {
  const ledger = new RequestLedger()
  const amsu = new Amsu(60, ledger.noteArrival)
  await amsu.up()
  t.teardown(() => { amsu.down(true) })
  const socket = net.connect(Number(new URL(amsu.origin).port), '127.0.0.1')
  socket.write(`GET /amsu-analysis/v2/storm/storm-9-9-9?${faultQuery(plain)} HTTP/1.1\r\nHost: h\r\n\r\n`)
  await new Promise(resolve => { socket.once('data', resolve) })
  socket.destroy()
  t.match(ledger.strangers, [/^storm-9-9-9: GET/])
})
