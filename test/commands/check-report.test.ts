import { test } from 'tap'
import { isGood, checkRefreshes, renderJson, renderStep, renderSummary, type Step, type StepName, type StepStatus } from '../../src/commands/check-report.ts'

/** A step that took 12 ms, unless it was skipped. */
function step (name: StepName, status: StepStatus, more: Partial<Step> = {}): Step {
  return { name, status, found: 'what was found', durationMs: status === 'not_tried' ? undefined : 12.4, ...more }
}

test('a step is one line for people: how it went, its name, how long it took, what was found', async t => {
  t.equal(renderStep(step('dns', 'ok'), false), 'ok      dns                12 ms  what was found\n')
  t.equal(renderStep(step('available_times', 'note'), false), 'note    available times    12 ms  what was found\n')
  t.equal(renderStep(step('tls', 'not_tried'), false), '-       tls                       what was found\n')
})

test('a cause and an advice are lines below their step', async t => {
  const text = renderStep(step('tcp', 'failed', { cause: 'a cause', advice: 'an advice' }), false)
  t.equal(text, 'FAILED  tcp                12 ms  what was found\n        likely cause: a cause\n        what to do: an advice\n')
})

test('only the word for how it went is coloured, and the columns stay where they are', async t => {
  for (const [status, color] of [['ok', 32], ['note', 33], ['failed', 31], ['not_tried', 2]] as const) {
    const [plain, colored] = [renderStep(step('dns', status), false), renderStep(step('dns', status), true)]
    t.ok(colored.startsWith(`\u001b[${color}m`))
    t.equal(colored.replace(`\u001b[${color}m`, '').replace('\u001b[0m', ''), plain)
    t.equal(colored.indexOf('\u001b[0m'), `\u001b[${color}m`.length + 7)
  }
})

test('all is well unless a step failed; what is noted or was not tried does no harm', async t => {
  const steps = [step('dns', 'ok'), step('refresh_put', 'note'), step('tls', 'not_tried')]
  t.ok(isGood(steps))
  t.equal(renderSummary([step('dns', 'ok')]), 'All steps passed.\n')
  t.equal(renderSummary(steps), 'All steps passed. See the notes at: refresh put.\n')
  const failed = [...steps, step('available_times', 'failed'), step('token', 'failed')]
  t.notOk(isGood(failed))
  t.equal(renderSummary(failed), 'Failed: available times, token. See the notes at: refresh put.\n')
})

test('one refresh call is enough: the other’s failure is a note, and two failures are failures', async t => {
  const checked = (put: StepStatus, post: StepStatus): StepStatus[] => checkRefreshes(step('refresh_put', put), step('refresh_post', post)).map(({ status }) => status)
  t.strictSame(checked('ok', 'ok'), ['ok', 'ok'])
  t.strictSame(checked('failed', 'ok'), ['note', 'ok'])
  t.strictSame(checked('ok', 'failed'), ['ok', 'note'])
  t.strictSame(checked('failed', 'failed'), ['failed', 'failed'])
  t.strictSame(checked('not_tried', 'not_tried'), ['not_tried', 'not_tried'])
  const [put] = checkRefreshes(step('refresh_put', 'failed', { cause: 'a cause' }), step('refresh_post', 'ok'))
  t.match(put, { name: 'refresh_put', found: 'what was found', cause: 'a cause', advice: 'nothing: the proxy renews the token by the other call' })
})

test('the JSON report has every field for every step, null or empty if there is no value, and integer milliseconds', async t => {
  const text = renderJson([step('dns', 'ok', { data: { addresses: [] } }), step('tls', 'not_tried'), step('token', 'failed', { cause: 'a cause', advice: 'an advice' })], 99.6)
  t.ok(text.endsWith('}\n'))
  t.strictSame(JSON.parse(text), {
    ok: false,
    durationMs: 100,
    steps: [
      { name: 'dns', status: 'ok', durationMs: 12, found: 'what was found', cause: null, advice: null, data: { addresses: [] } },
      { name: 'tls', status: 'not_tried', durationMs: null, found: 'what was found', cause: null, advice: null, data: {} },
      { name: 'token', status: 'failed', durationMs: 12, found: 'what was found', cause: 'a cause', advice: 'an advice', data: {} },
    ],
  })
})
