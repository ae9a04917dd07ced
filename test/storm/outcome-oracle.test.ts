import { test } from 'tap'
import { plain } from './amsu-fault.ts'
import type { FaultName } from './amsu-fault.ts'
import { checkRequest } from './outcome-oracle.ts'
import { makeRequest } from './plan-request.ts'
import type { RequestOptions } from './plan-request.ts'
import { createArrival, createRecord } from './request-ledger.ts'
import type { Arrival, ReceivedResponse, RequestRecord } from './request-ledger.ts'

const id = 'storm-1-2-0'
const calm = { lateMs: () => 0, wasDown: () => false, hasBroken: () => false, hasStrayed: () => false, isDisplaced: () => false }
const line = (status: number) => ({ text: '', msg: 'request', status, errorCode: undefined })

/** A POST of five bytes that was sent whole at once, and whose client stayed. */
function recordOf (more: Partial<RequestRecord> = {}, options: Partial<RequestOptions> = {}, fault: FaultName = 'plain'): RequestRecord {
  const plan = makeRequest({ id, method: 'POST', body: { bytes: 5, isChunked: false }, fault: { ...plain, name: fault }, ...options })
  const script = { index: 2, name: 'single', proxy: 'plain', requests: [plan], steps: [] } as const
  return { ...createRecord(plan, script, { sent: '', received: '' }), begunAt: 100, wholeAt: 101, bodyBytesSent: 5, endedAt: 200, ...more }
}

function response (status: number, code?: string, headers: Record<string, string> = { 'x-storm-id': id, 'x-storm-size': '20', 'content-length': '20' }): ReceivedResponse {
  return { status, headers: new Map(Object.entries(code === undefined ? headers : { 'x-amsu-proxy-error': code })), bodyBytes: 20, isBodyRight: true, isWhole: true }
}

function arrival (more: Partial<Arrival> = {}): Arrival {
  return { ...createArrival('POST', false), bodyBytes: 5, isWhole: true, isBegun: true, isResponded: true, ...more }
}

const responded = { response: response(200), arrivals: [arrival()], lines: [line(200)] }

await test('a request that got one response of AMSU, its own, with a line in the log, is right', t => {
  t.same(checkRequest(recordOf(responded), calm), [])
  t.end()
})

await test('what must not be is found, whatever the timing', t => {
  const table: Array<[string, RegExp, RequestRecord]> = [
    ['a bare end', /^\(d\) FIN without a byte/, recordOf({ ending: 'FIN' })],
    ['no end', /^\(d\) no end/, recordOf({ ending: 'lost' })],
    ['somebody else’s response', /^\(e\) somebody else/, recordOf({ ...responded, response: response(200, undefined, { 'x-storm-id': 'storm-1-2-1', 'x-storm-size': '20' }) })],
    ['somebody else’s body', /^\(e\) the response has another body/, recordOf({ ...responded, response: { ...response(200), isBodyRight: false } })],
    ['a response to what never arrived', /^\(e\) a response of AMSU, which never saw/, recordOf({ ...responded, arrivals: [] })],
    ['half a body that ends cleanly', /^\(e\) 7 of 20 bytes/, recordOf({ ...responded, response: { ...response(200), bodyBytes: 7 } })],
    ['half a body that ends cleanly, although AMSU reset the connection', /^\(e\) 7 of 20 bytes/, recordOf({ ...responded, arrivals: [arrival({ isBroken: true })], response: { ...response(200), bodyBytes: 7 } })],
    ['bytes that are no response', /^\(e\) unreadable/, recordOf({ ending: 'unreadable: x' })],
    ['two sendings', /^\(f\) arrived whole at AMSU 2 times/, recordOf({ ...responded, arrivals: [arrival(), arrival()] })],
    ['half a body at AMSU', /^\(e\) arrived with a body of 3 bytes/, recordOf({ ...responded, arrivals: [arrival({ bodyBytes: 3 })] })],
    ['another body at AMSU', /^\(e\) arrived with another body/, recordOf({ ...responded, arrivals: [arrival({ isBodyRight: false })] })],
    ['nothing was sent, but it was', /^\(f\) OVERLOADED says/, recordOf({ response: response(503, 'OVERLOADED'), arrivals: [arrival()], lines: [line(503)] })],
    ['safe to repeat, but AMSU has it', /^\(j\) BAD_REQUEST says/, recordOf({ response: response(400, 'BAD_REQUEST'), arrivals: [arrival()], lines: [line(400)] })],
    ['a fault of another request', /^\(h\) BAD_REQUEST/, recordOf({ response: response(400, 'BAD_REQUEST') })],
    ['a paid response that is lost', /^\(h\) UPSTREAM_RESET/, recordOf({ response: response(502, 'UPSTREAM_RESET'), arrivals: [arrival()], lines: [line(502)] })],
    ['an early response that is lost', /^\(h\) UPSTREAM_RESET/, recordOf({ response: response(502, 'UPSTREAM_RESET'), arrivals: [arrival({ isWhole: false })], lines: [line(502)] }, {}, 'early')],
    ['a cut for no reason', /^\(h\) cut/, recordOf({ ...responded, response: { ...response(200), isWhole: false } })],
    ['a defect', /^\(b\) 500/, recordOf({ response: response(500, 'INTERNAL') })],
    ['no line', /^\(g\) no line/, recordOf({ ...responded, lines: [] })],
    ['two lines', /^\(g\) 2 lines/, recordOf({ ...responded, lines: [line(200), line(200)] })],
    ['a line that says something else', /^\(g\) logged as 499/, recordOf({ ...responded, lines: [line(499)] })],
    ['a refused request at AMSU', /^\(f\) a refused request arrived/, recordOf({ response: response(405, 'METHOD_REJECTED'), arrivals: [arrival()] }, { kind: 'refused' })],
    ['a hidden request at AMSU', /^\(f\) a trap request arrived/, recordOf({ arrivals: [arrival()] }, { kind: 'trap' })],
    ['a broken request at AMSU', /^\(f\) a broken request arrived whole/, recordOf({ arrivals: [arrival()], lines: [line(400)] }, { kind: 'broken' })],
    ['charged, but nothing was there to be sent', /^\(f\) UPSTREAM_RESET says that it may have been charged/, recordOf({ response: response(502, 'UPSTREAM_RESET'), wholeAt: undefined, bodyBytesSent: 0 })],
  ]
  for (const [name, found, record] of table) t.match(checkRequest(record, calm)[0], found, name)
  t.end()
})

await test('what may be is not found', t => {
  const refused = arrival({ isRefused: true })
  const table: Array<[string, RequestRecord]> = [
    ['a second sending after a rejected token', recordOf({ ...responded, arrivals: [refused, arrival()] })],
    ['a second sending of a GET', recordOf({ ...responded, arrivals: [arrival({ bodyBytes: 0 }), arrival({ bodyBytes: 0 })] }, { method: 'GET', body: undefined })],
    ['no connection for the second sending', recordOf({ response: response(502, 'UPSTREAM_UNREACHABLE'), arrivals: [refused], lines: [line(502)] })],
    ['a connection that AMSU had ended', recordOf({ response: response(502, 'UPSTREAM_RESET'), lines: [line(502)] })],
    ['a response that was taken for it before it could be known', recordOf({ ...responded, response: response(200, undefined, { 'x-storm-id': 'unasked' }), arrivals: [arrival({ isTainted: true })] })],
    ['the end of a client that left', recordOf({ leftAt: 150, ending: 'left', arrivals: [arrival()], lines: [line(499)] })],
    ['no response behind the last one', recordOf({ isBehindLast: true, ending: 'FIN' })],
    ['a cut that AMSU made', recordOf({ ...responded, arrivals: [arrival({ isResponded: false })], response: { ...response(200), isWhole: false } }, {}, 'break')],
    ['half a body that AMSU itself ended cleanly', recordOf({ ...responded, arrivals: [arrival({ isBroken: true, isCutCleanly: true })], response: { ...response(200), bodyBytes: 7 } })],
    ['a request that was never begun', recordOf({ begunAt: undefined, ending: 'ECONNREFUSED' })],
    ['a request that came slowly', recordOf({ response: response(408, 'REQUEST_TIMEOUT'), wholeAt: undefined })],
    ['an endpoint of the proxy’s own', recordOf({ response: response(200, undefined, {}) }, { kind: 'own', body: undefined })],
  ]
  for (const [name, record] of table) t.same(checkRequest(record, calm), [], name)
  t.end()
})

await test('what meets unsolicited bytes is excused, but only if it was whole and AMSU never saw it', t => {
  const displaced = { ...responded, arrivals: [], lines: [line(200)], response: response(200, undefined, { 'x-storm-id': 'storm-1-1-0', 'x-storm-size': '20' }) }
  const isDisplaced = (id: string): boolean => id === 'storm-1-1-0'
  t.match(checkRequest(recordOf(displaced), calm)[0], /^\(e\) somebody else/)
  t.same(checkRequest(recordOf(displaced), { ...calm, isDisplaced }), [])
  t.match(checkRequest(recordOf({ ...displaced, arrivals: [arrival()] }), { ...calm, isDisplaced })[0], /^\(e\) somebody else/)
  t.match(checkRequest(recordOf({ ...displaced, wholeAt: undefined, bodyBytesSent: 0 }), { ...calm, isDisplaced })[0], /^\(e\) somebody else/)
  const unreadable = { response: response(502, 'UPSTREAM_INVALID'), lines: [line(502)] }
  t.match(checkRequest(recordOf(unreadable), calm)[0], /^\(h\) UPSTREAM_INVALID/)
  t.same(checkRequest(recordOf(unreadable), { ...calm, hasStrayed: () => true }), [])
  t.match(checkRequest(recordOf({ ...unreadable, arrivals: [arrival()] }), { ...calm, hasStrayed: () => true })[0], /^\(h\) UPSTREAM_INVALID/)
  t.end()
})

await test('a timeout of a busy machine, and what ends with a process, are not the request’s', t => {
  const late = recordOf({ response: response(504, 'UPSTREAM_TIMEOUT'), arrivals: [arrival()], lines: [line(504)] })
  t.match(checkRequest(late, calm), [/^\(h\) UPSTREAM_TIMEOUT/])
  t.same(checkRequest(late, { ...calm, lateMs: () => 1_000 }), [])
  t.same(checkRequest(recordOf({ ending: 'ECONNRESET' }), { ...calm, wasDown: () => true }), [])
  t.end()
})
