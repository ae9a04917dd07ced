import { test } from 'tap'
import { TokenSource } from '../../src/token/token-source.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { credentialsOf, DAY_MS, setUp, silentLog, staying } from './token-source-setup.ts'

test('a refused PUT is followed by POST refreshment, and that goes first for hours', async t => {
  const { source, calls, grant, refuse, clock } = setUp({ lifeMs: 3_600_000 })
  source.start()
  await grant()
  await clock.advance(0.8 * 3_600_000)
  await refuse('refused')
  t.same(calls, ['credentials', 'refresh_put', 'refresh_post'])
  await grant()
  await clock.advance(0.8 * 3_600_000)
  t.same(calls.slice(3), ['refresh_post'])
  await grant()
  for (let i = 0; i < 8; i++) {
    await clock.advance(0.8 * 3_600_000)
    await grant()
  }
  t.equal(calls.at(-1), 'refresh_put', 'after six hours PUT is tried again')
})

test('a PUT whose connection breaks is followed by POST refreshment and remembered only if that works', async t => {
  const { source, calls, grant, refuse, clock } = setUp({ lifeMs: 3_600_000 })
  source.start()
  await grant()
  await clock.advance(0.8 * 3_600_000)
  await refuse('broken')
  await refuse('broken')
  t.same(calls.slice(1), ['refresh_put', 'refresh_post'], 'the secret is not sent while the old token serves')
  await clock.advance(2_000)
  t.equal(calls.at(-1), 'refresh_put')
  await refuse('broken')
  await grant()
  await clock.advance(0.8 * 3_600_000)
  t.equal(calls.at(-1), 'refresh_post')
})

test('a rejected refresh token is dropped and the credentials are used at once', async t => {
  const { source, calls, grant, refuse, clock } = setUp()
  source.start()
  await grant()
  await clock.advance(0.8 * DAY_MS)
  await refuse('rejected')
  t.same(calls.slice(1), ['refresh_put', 'credentials'])
  await grant()
  t.equal(source.current()?.authorization, 'Bearer access-2')
})

test('trouble with the refresh is waited out while the old token serves', async t => {
  const { source, calls, grant, refuse, clock } = setUp({ lifeMs: 100_000 })
  source.start()
  await grant()
  await clock.advance(40_000)
  await refuse('trouble')
  t.same(calls, ['credentials', 'refresh_put'], 'the secret is not sent')
  t.equal(source.current()?.authorization, 'Bearer access-1')
  await clock.advance(1_500)
  t.same(calls.slice(2), ['refresh_put'])
})

test('once the old token is gone, trouble with the refresh is answered with the credentials', async t => {
  const { source, calls, grant, refuse, clock } = setUp({ lifeMs: 100_000 })
  source.start()
  await grant()
  await clock.advance(40_000)
  await clock.advance(60_000)
  await refuse('trouble', 5_000)
  t.equal(source.current(), undefined)
  t.same(calls, ['credentials', 'refresh_put'])
  await clock.advance(5_000)
  t.same(calls.slice(2), ['credentials'])
  await grant()
  t.equal(source.current()?.authorization, 'Bearer access-2')
})

test('attempts after trouble are spaced, and requests do not add any', async t => {
  const { source, calls, refuse, clock } = setUp({ random: 1 })
  source.start()
  await refuse('trouble')
  for (let i = 0; i < 50; i++) source.current()
  t.equal(calls.length, 1)
  await clock.advance(1_999)
  t.equal(calls.length, 1)
  await clock.advance(1)
  t.equal(calls.length, 2)
  await refuse('trouble', 20_000)
  await clock.advance(19_999)
  t.equal(calls.length, 2, 'Retry-After is honoured')
  await clock.advance(1)
  t.equal(calls.length, 3)
})

test('with AMSU in trouble a request waits, then is told to try again; a token that comes in time is served', async t => {
  const { source, grant, refuse, clock } = setUp()
  source.start()
  await refuse('trouble')
  const late = source.acquire(staying())
  const rejected = t.rejects(late, { code: 'TOKEN_UNAVAILABLE', status: 503 })
  await clock.advance(5_000)
  await rejected
  const inTime = source.acquire(staying())
  await clock.advance(3_000)
  await grant()
  t.equal((await inTime).authorization, 'Bearer access-1')
})

test('refused credentials are told at once, to those who wait and those who come later, and tried again after 60 s', async t => {
  const { source, calls, grant, refuse, clock } = setUp()
  source.start()
  const waiting = source.acquire(staying())
  const rejected = t.rejects(waiting, { code: 'CREDENTIALS_REJECTED', retryAfterSeconds: 60 })
  await refuse('rejected')
  await rejected
  await t.rejects(source.acquire(staying()), { code: 'CREDENTIALS_REJECTED' })
  t.match(source.status(), { reason: 'credentials_rejected', tokenExpiresInSeconds: null })
  await clock.advance(59_999)
  t.equal(calls.length, 1)
  await clock.advance(1)
  t.equal(calls.length, 2)
  await t.rejects(source.acquire(staying()), { code: 'CREDENTIALS_REJECTED' }, 'also while it is tried again')
  await grant()
  t.ok(source.current())
})

test('a token serves to its end when the renewal is rejected', async t => {
  const { source, refuse, grant, clock } = setUp()
  source.start()
  await grant()
  await clock.advance(0.8 * DAY_MS)
  await refuse('rejected')
  await refuse('rejected')
  t.equal(source.current()?.authorization, 'Bearer access-1')
  t.equal(source.status().reason, 'ok')
  await clock.advance(0.2 * DAY_MS - 10_000)
  t.equal(source.current(), undefined)
  t.equal(source.status().reason, 'credentials_rejected')
})

test('a defect below is a failed attempt, not the end', async t => {
  const clock = new FakeClock()
  let count = 0
  const nothing = (): void => {}
  const source = new TokenSource({ api: { issue: async () => { count++; throw new TypeError('defect') }, refresh: async () => { throw new TypeError('defect') } }, credentials: credentialsOf('x'), clock, random: () => 0, log: silentLog, onSecret: nothing, tokenWaitMs: 1 })
  source.start()
  await settled()
  await clock.advance(1_000)
  t.equal(count, 2)
  source.close()
})
