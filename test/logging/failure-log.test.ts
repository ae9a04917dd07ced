import { test } from 'tap'
import { errorTable, type ErrorCode } from '../../src/errors.ts'
import { FailureLog } from '../../src/logging/failure-log.ts'
import type { Outcome } from '../../src/relay/context.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { outcomeOf } from '../telemetry/outcomes.ts'
import { createLog } from './log-lines.ts'

/** The codes of failures that an operator can act on. */
const FAILURES = ['UPSTREAM_UNREACHABLE', 'UPSTREAM_TIMEOUT', 'UPSTREAM_RESET', 'UPSTREAM_INVALID', 'INTERNAL'] as const

/** A failure log at level warn with a test clock, and the lines that it has written so far, without `time`. */
function setUp () {
  const clock = new FakeClock()
  const { lines, log } = createLog('warn', ['hunter2hunter2'])
  const failures = new FailureLog(clock, log)
  const written = (): unknown[] => lines.map(line => { const { time, ...rest } = JSON.parse(line) as Record<string, unknown>; return rest })
  const fail = (errorCode: ErrorCode | undefined, changes: Partial<Outcome> = {}): void => { failures.add(outcomeOf({ errorCode, ...changes })) }
  return { clock, failures, fail, written }
}

test('the first failure is a warning at once, the others of its minute are one with their count and the last of them', async t => {
  const { clock, fail, written } = setUp()
  for (let i = 1; i <= 1_000; i++) fail('UPSTREAM_RESET', { requestId: `id-${i}`, cause: Object.assign(new Error('reset, hunter2hunter2'), { code: 'ECONNRESET' }) })
  const line = { level: 40, errorCode: 'PROXY.UPSTREAM_RESET', cause: { type: 'Error', code: 'ECONNRESET', message: 'reset, [redacted]' }, msg: 'requests to AMSU failed' }
  t.strictSame(written(), [{ ...line, count: 1, requestId: 'id-1' }])
  await clock.advance(59_999)
  t.equal(written().length, 1)
  await clock.advance(1)
  t.strictSame(written().slice(1), [{ ...line, count: 999, requestId: 'id-1000' }])
})

test('each code has a line of its own; a defect is an error, and its line has the stack', async t => {
  const { fail, written } = setUp()
  for (const code of FAILURES) fail(code, { cause: code === 'INTERNAL' ? new TypeError('no such property') : undefined })
  t.match(written(), FAILURES.map(code => code === 'INTERNAL'
    ? { level: 50, errorCode: 'PROXY.INTERNAL', count: 1, cause: { type: 'TypeError', stack: /failure-log\.test/ }, msg: 'requests met a defect of the proxy: please report it' }
    : { level: 40, errorCode: `PROXY.${code}`, count: 1, msg: 'requests to AMSU failed' }))
})

test('a request that went well, or that failed by the fault of its client or for lack of a token, is not in this log', async t => {
  const { clock, fail, written } = setUp()
  fail(undefined)
  fail(undefined, { status: 499 })
  for (const code of Object.keys(errorTable) as ErrorCode[]) if (!(FAILURES as readonly ErrorCode[]).includes(code)) fail(code)
  t.strictSame(written(), [])
  t.equal(clock.pending, 0)
})

test('the counts at the end of the proxy are logged then, and no timer remains', async t => {
  const { clock, fail, failures, written } = setUp()
  for (let i = 0; i < 5; i++) fail('UPSTREAM_TIMEOUT')
  failures.close()
  failures.close()
  t.match(written(), [{ count: 1 }, { count: 4, requestId: 'id-1' }])
  t.equal(clock.pending, 0)
})
