import { test } from 'tap'
import type { AuthorizedResponse } from '../../src/amsu/authorized-get.ts'
import { instant } from '../../src/clock.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { QuotaPoll } from '../../src/telemetry/quota-poll.ts'
import { AccessToken } from '../../src/token/access-token.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

const GOOD: AuthorizedResponse = { status: 200, body: { hrv_analysis: 12, health_analysis: -1 }, isTokenInvalid: false }
const BAD_TOKEN: AuthorizedResponse = { status: 401, body: { error: { code: 'COMMON.INVALID_CREDENTIALS', msg: '' } }, isTokenInvalid: true }
const FAMILIES = [{ family: 'hrv_analysis', remaining: 12 }, { family: 'health_analysis', remaining: -1 }]

/** A poll every five minutes. The test defines the responses in order; the last one repeats. */
function setUp ({ responses = [GOOD], pollMs = 300_000, hasToken = true }: { responses?: Array<AuthorizedResponse | Error>, pollMs?: number, hasToken?: boolean } = {}) {
  const clock = new FakeClock()
  const asked: string[] = []
  const rejected: AccessToken[] = []
  const lines: string[] = []
  const state = { token: hasToken ? new AccessToken(new Secret('a'), instant(clock), 86_400_000) : undefined, signal: undefined as AbortSignal | undefined }
  const poll = new QuotaPoll({
    async authorizedGet (path, _token, signal) {
      asked.push(path)
      state.signal = signal
      const response = (responses.length > 1 ? responses.shift() : responses[0]) as AuthorizedResponse | Error
      if (response instanceof Error) throw response
      return response
    },
    tokens: { current: () => state.token, invalidate (token) { rejected.push(token); return true } },
    clock,
    log: { info: (...said: unknown[]) => { lines.push(String(said.at(-1))) }, warn: (...said: unknown[]) => { lines.push(String(said.at(-1))) } } as never,
    pollMs,
  })
  poll.start()
  return { asked, clock, lines, poll, rejected, state }
}

test('the first reading comes a moment after the first token, the next ones at the interval', async t => {
  const { asked, clock, poll, state } = setUp({ hasToken: false })
  const token = new AccessToken(new Secret('a'), instant(clock), 86_400_000)
  await clock.advance(60_000)
  t.strictSame([asked, poll.reading], [[], undefined], 'without a token AMSU is not asked')
  state.token = token
  await clock.advance(1_000)
  t.strictSame(asked, ['/amsu-analysis/v2/available-times'])
  t.strictSame(poll.reading, { readAt: clock.wall(), families: FAMILIES })
  await clock.advance(299_999)
  t.equal(asked.length, 1)
  await clock.advance(1)
  t.equal(asked.length, 2)
  t.equal(poll.reading?.readAt, clock.wall())
})

test('with an interval of 0 AMSU is never asked, and no timer is set', async t => {
  const { asked, clock } = setUp({ pollMs: 0 })
  t.equal(clock.pending, 0)
  await clock.advance(86_400_000)
  t.strictSame(asked, [])
})

test('a failure and its end are logged once each, and the last reading is kept', async t => {
  const broken = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  const notThis: AuthorizedResponse = { status: 200, body: 'hello', isTokenInvalid: false }
  const { asked, clock, lines, poll } = setUp({ responses: [GOOD, broken, { status: 503, body: undefined, isTokenInvalid: false }, notThis, GOOD] })
  await clock.advance(1_000)
  const { reading } = poll
  for (let i = 0; i < 3; i++) {
    await clock.advance(300_000)
    t.equal(poll.reading, reading)
    t.equal(poll.isFailing, true)
  }
  t.strictSame(lines, ['AMSU does not report the quota, the proxy asks again later'])
  await clock.advance(300_000)
  t.strictSame(lines.slice(1), ['AMSU reports the quota again'])
  t.equal(poll.isFailing, false)
  t.equal(poll.reading?.readAt, clock.wall())
  t.equal(asked.length, 5)
})

test('a token AMSU calls bad is dropped, and the next one asks at once', async t => {
  const { asked, clock, poll, rejected, state } = setUp({ responses: [BAD_TOKEN, GOOD] })
  const { token } = state
  await clock.advance(1_000)
  t.strictSame(rejected, [token])
  await clock.advance(1_000)
  t.equal(asked.length, 2)
  t.strictSame(poll.reading?.families, FAMILIES)
})

test('an account that may not ask does not cost a renewal each time', async t => {
  const { asked, clock, rejected } = setUp({ responses: [BAD_TOKEN] })
  await clock.advance(3_600_000)
  t.equal(rejected.length, 1)
  t.ok(asked.length >= 12 && asked.length <= 14, `${asked.length} questions in an hour`)
})

test('a closed poll stops, aborts the call in flight, and reports no failure', async t => {
  let end = (_error: Error): void => {}
  const clock = new FakeClock()
  const lines: string[] = []
  const log = { info: () => {}, warn: () => { lines.push('warned') } } as never
  const token = new AccessToken(new Secret('a'), instant(clock), 1_000)
  const poll = new QuotaPoll({
    authorizedGet: async (_path, _token, signal) => await new Promise((_resolve, reject) => {
      end = reject
      signal.addEventListener('abort', () => { reject(new Error('aborted')) })
    }),
    tokens: { current: () => token, invalidate: () => true },
    clock,
    log,
    pollMs: 300_000,
  })
  poll.start()
  await clock.advance(1_000)
  t.equal(clock.pending, 0, 'a question is under way')
  poll.close()
  await settled()
  t.equal(clock.pending, 0)
  end(new Error('later'))
  poll.close()
  t.strictSame(lines, [])
  const waiting = setUp()
  waiting.poll.close()
  await waiting.clock.advance(3_600_000)
  t.strictSame(waiting.asked, [])
})

test('a family that is used up, and one that is filled again, is logged once, whatever the number of readings', async t => {
  const reading = (hrv: number, health: number): AuthorizedResponse => ({ status: 200, body: { hrv_analysis: hrv, health_analysis: health, calorie_analysis: -1 }, isTokenInvalid: false })
  const { clock, lines } = setUp({ responses: [reading(0, 3), reading(0, 3), reading(0, 0), new Error('broken'), reading(0, 0), reading(5, 0), reading(0, -1)] })
  const counts: number[] = []
  await clock.advance(1_000)
  for (let i = 0; i < 7; i++) {
    counts.push(lines.filter(line => line.includes('quota of these families')).length)
    await clock.advance(300_000)
  }
  t.strictSame(counts, [1, 1, 2, 2, 2, 3, 5])
  t.strictSame([...new Set(lines.filter(line => line.includes('quota of these families')))], [
    'the quota of these families is used up: ask AMSU for more calls; AMSU rejects these analyses until then',
    'the quota of these families is filled again, their analyses can be called',
  ])
})
