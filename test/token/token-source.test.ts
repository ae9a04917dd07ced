import { test } from 'tap'
import { credentialsOf, DAY_MS, setUp, staying } from './token-source-setup.ts'

test('the first token comes from the credentials, in the background', async t => {
  const { source, calls, grant, secrets } = setUp()
  source.start()
  t.equal(source.current(), undefined)
  t.match(source.status(), { reason: 'starting', tokenExpiresInSeconds: null })
  await grant()
  t.same(calls, ['credentials'])
  t.equal(source.current()?.authorization, 'Bearer access-1')
  t.match(source.status(), { reason: 'ok', tokenExpiresInSeconds: 86_400 })
  t.same(secrets, ['access_token=access-1', 'refresh_token=refresh-1'], 'every secret is told before anything can log it')
})

test('one hundred requests that find no token cause one token call', async t => {
  const { source, calls, grant } = setUp()
  const waits = Array.from({ length: 100 }, async () => await source.acquire(staying()))
  t.same(calls, ['credentials'])
  await grant()
  const tokens = await Promise.all(waits)
  t.equal(new Set(tokens).size, 1)
  t.same(calls, ['credentials'])
})

test('a renewal runs behind: the old token serves meanwhile, and the refresh token is used, so the secret stays here', async t => {
  const { source, calls, grant, clock } = setUp()
  source.start()
  await grant()
  await clock.advance(0.8 * DAY_MS - 20_000)
  t.same(calls, ['credentials'])
  await clock.advance(20_000)
  t.same(calls, ['credentials', 'refresh_put'])
  t.equal(source.current()?.authorization, 'Bearer access-1')
  await grant()
  t.equal(source.current()?.authorization, 'Bearer access-2')
})

test('no timer is ever long: the clocks are looked at every 15 s', async t => {
  const { source, grant, clock } = setUp({ lifeMs: 29 * DAY_MS })
  source.start()
  await grant()
  await clock.advance(60_000)
  t.ok(clock.delays.every(ms => ms <= 15_000 && ms > 0), String(clock.delays))
  t.equal(clock.pending, 1)
})

test('a refresh token that is 30 days old is not used', async t => {
  const { source, calls, grant, clock } = setUp()
  source.start()
  await grant()
  clock.sleep(31 * DAY_MS)
  t.equal(source.current(), undefined)
  t.same(calls, ['credentials', 'credentials'])
})

test('without a refresh token the credentials are used', async t => {
  const { source, calls, grant, clock } = setUp()
  source.start()
  await grant({ withRefresh: false })
  await clock.advance(0.8 * DAY_MS)
  t.same(calls, ['credentials', 'credentials'])
})

test('sleep past the end of the token is noticed by the next request, which waits for a new one', async t => {
  const { source, calls, grant, clock } = setUp()
  source.start()
  await grant()
  clock.sleep(25 * 3_600_000)
  t.equal(source.status().reason, 'token_expired')
  const waiting = source.acquire(staying())
  t.same(calls.at(-1), 'refresh_put')
  await grant()
  t.equal((await waiting).authorization, 'Bearer access-2')
})

test('a wall clock set back two hours does not lengthen a token', async t => {
  const { source, grant, clock } = setUp({ lifeMs: 3_600_000 })
  source.start()
  await grant()
  const token = source.current()
  clock.jump(-7_200_000)
  await clock.advance(0.8 * 3_600_000)
  await clock.advance(0.2 * 3_600_000)
  t.equal(source.current(), undefined)
  t.equal(token !== undefined && source.isUsable(token), false)
})

test('a wait ends when its client disconnects, and its timer and listener are removed', async t => {
  const { source, clock, grant } = setUp()
  source.start()
  const caller = new AbortController()
  const waiting = source.acquire(caller.signal)
  const before = clock.pending
  caller.abort(new Error('gone'))
  await t.rejects(waiting, { code: 'TOKEN_UNAVAILABLE' })
  t.equal(clock.pending, before - 1)
  await grant()
  t.ok(source.current(), 'the renewal is not the caller’s and goes on')
})

test('tokens that live for a moment do not make a storm of calls', async t => {
  const { source, calls, grant, clock, isCalling } = setUp({ lifeMs: 10 })
  source.start()
  await grant()
  for (let i = 0; i < 100; i++) {
    await clock.advance(100)
    if (isCalling()) await grant()
  }
  t.ok(calls.length <= 11, `${calls.length} calls in 10 s`)
})

test('a closed source makes no more calls and rejects the waiting requests', async t => {
  const { source, calls, refuse, clock } = setUp()
  source.start()
  const waiting = source.acquire(staying())
  const rejected = t.rejects(waiting, { code: 'DRAINING' })
  source.close()
  await rejected
  await refuse('transient')
  await clock.advance(600_000)
  t.equal(calls.length, 1)
  t.equal(clock.pending, 0)
})

test('a renewal in flight when the source is closed makes no second call', async t => {
  const { source, calls, grant, refuse, clock, isCalling } = setUp()
  source.start()
  await grant()
  await clock.advance(0.8 * DAY_MS)
  source.close()
  await refuse('method_blocked')
  await clock.advance(600_000)
  t.same(calls, ['credentials', 'refresh_put'])
  t.equal(isCalling(), false)
})

test('a trial of new credentials in flight when the source is closed is aborted, and followed by no call', async t => {
  const { source, tried, grant, clock, isCalling } = setUp()
  source.start()
  await grant()
  source.rotate(credentialsOf('new-secret'))
  t.ok(isCalling())
  source.close()
  t.notOk(isCalling())
  await clock.advance(DAY_MS)
  t.equal(source.current(), undefined)
  t.same(tried, ['old-secret', 'new-secret'])
})

test('the waits of one request end together after TOKEN_WAIT_MS', async t => {
  const { source, clock } = setUp({ tokenWaitMs: 5_000 })
  source.start()
  const waits = [source.acquire(staying(), 4_000), source.acquire(staying(), 9_000)]
  let ended = 0
  for (const wait of waits) wait.catch(() => { ended++ })
  await clock.advance(0)
  t.equal(ended, 1, 'no time is left')
  await clock.advance(999)
  t.equal(ended, 1)
  await clock.advance(1)
  t.equal(ended, 2)
})

test('a token that has expired before it arrives is given to no request', async t => {
  const { source, grant, clock } = setUp()
  source.start()
  const waiting = source.acquire(staying())
  const issuedAt = { wall: clock.wall(), monotonic: clock.monotonic() }
  await clock.advance(2_000)
  await grant({ lifeMs: 1_000, issuedAt })
  await clock.advance(1_000)
  await grant({ lifeMs: 60_000 })
  t.equal((await waiting).authorization, 'Bearer access-2')
})
