import { test } from 'tap'
import fc from 'fast-check'
import { errorTable, type ErrorCode } from '../../src/errors.ts'
import { loggedError } from '../../src/logging/logger.ts'
import type { Outcome } from '../../src/relay/context.ts'
import { outcomeOf } from '../telemetry/outcomes.ts'
import { createLog } from './log-lines.ts'

const OUTCOME = outcomeOf()

/** The errors whose cause is logged at the default level. */
const TOLD: readonly ErrorCode[] = ['UPSTREAM_UNREACHABLE', 'UPSTREAM_TIMEOUT', 'UPSTREAM_RESET', 'UPSTREAM_INVALID', 'INTERNAL']

/** The line of OUTCOME with some fields changed, without `time`. */
function lineOf (changes: Partial<Outcome>): Record<string, unknown> {
  const { logOutcome, last } = createLog()
  logOutcome({ ...OUTCOME, ...changes })
  const { time, ...line } = last()
  return line
}

test('a relayed request has one line at level info with what it was and nothing of what it carried', async t => {
  const { logOutcome, lines, last } = createLog('info')
  logOutcome(OUTCOME)
  t.equal(lines.length, 1)
  const { time, ...line } = last()
  t.equal(typeof time, 'number')
  t.strictSame(line, {
    level: 30,
    requestId: 'id-1',
    method: 'POST',
    replayed: false,
    path: '/amsu-analysis/v2/hrv/rr-list/',
    status: 200,
    bytesIn: 1_048_576,
    bytesOut: 512,
    durationMs: 12.346,
    upstreamMs: 11.2,
    msg: 'request',
  })
})

test('a request without a response of AMSU has no response time', async t => {
  t.notHas(lineOf({ upstreamMs: undefined }), { upstreamMs: Number })
  t.notOk('upstreamMs' in lineOf({ upstreamMs: undefined }))
  t.equal(lineOf({ upstreamMs: 0 })['upstreamMs'], 0)
})

test('a request that went well has no error; one that did not has its code as the caller saw it', async t => {
  t.notOk('errorCode' in lineOf({}))
  for (const code of Object.keys(errorTable) as ErrorCode[]) t.equal(lineOf({ errorCode: code })['errorCode'], `PROXY.${code}`)
})

test('the cause of an error is logged if an operator can act on it, and only then', async t => {
  const cause = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' })
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const line = lineOf({ errorCode: code, cause })
    t.strictSame(line['cause'], TOLD.includes(code) ? { type: 'Error', message: 'connect refused', code: 'ECONNREFUSED' } : undefined, code)
  }
  t.notOk('cause' in lineOf({ cause }), 'no error, no cause')
  t.notOk('cause' in lineOf({ errorCode: 'UPSTREAM_RESET' }), 'no cause, no field')
})

test('a cause brings its code and message along, not the bytes it choked on', async t => {
  const cause = Object.assign(new Error('Response does not match the HTTP/1.1 protocol'), { code: 'HPE_INVALID_CONSTANT', data: 'garbage of AMSU' })
  t.notMatch(JSON.stringify(lineOf({ errorCode: 'UPSTREAM_INVALID', cause })), /garbage/)
})

test('above level info there are no lines of requests', async t => {
  const { logOutcome, lines } = createLog('warn')
  logOutcome(OUTCOME)
  t.strictSame(lines, [])
})

test('a line is the one pino would write, whatever is in it', async t => {
  const { log, logOutcome, lines } = createLog('info', ['hunter2hunter2'])
  const milliseconds = fc.double({ min: 0, max: 1e7, noNaN: true })
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constant('a "quoted\\ hunter2hunter2\n'))
  const code = fc.constantFrom(...Object.keys(errorTable) as ErrorCode[])
  const outcomes = fc.record({
    requestId: text,
    caller: fc.option(text, { nil: undefined }),
    method: text,
    path: text,
    status: fc.nat(999),
    bytesIn: fc.nat(),
    bytesOut: fc.nat(),
    durationMs: milliseconds,
    upstreamMs: fc.option(milliseconds, { nil: undefined }),
    errorCode: fc.option(code, { nil: undefined }),
    cause: fc.constantFrom(undefined, new Error('refused hunter2hunter2'), 'no error'),
    replay: fc.constantFrom(undefined, 'responded' as const),
  })
  fc.assert(fc.property(outcomes, outcome => {
    logOutcome(outcome)
    const { requestId, caller, method, path, status, bytesIn, bytesOut, errorCode } = outcome
    const [durationMs, upstreamMs] = [outcome.durationMs, outcome.upstreamMs].map(ms => ms === undefined ? undefined : Math.round(ms * 1000) / 1000)
    const isTold = errorCode !== undefined && TOLD.includes(errorCode) && outcome.cause !== undefined
    log.info({ requestId, caller, method, path, status, bytesIn, bytesOut, replayed: outcome.replay !== undefined, durationMs, upstreamMs, errorCode: errorCode && `PROXY.${errorCode}`, cause: isTold ? loggedError(outcome.cause) : undefined }, 'request')
    const [ours, pinos] = lines.splice(0).map(line => line.replace(/"time":\d+/, '"time":0'))
    return ours === pinos && !String(ours).includes('hunter2')
  }), { numRuns: 1_000 })
  t.same(lines, [])
})
