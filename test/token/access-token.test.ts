import { test } from 'tap'
import { inspect } from 'node:util'
import { elapsedMs, instant } from '../../src/clock.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { AccessToken } from '../../src/token/access-token.ts'
import { FakeClock } from '../support/fake-clock.ts'

test('an access token shows itself through one door only', async t => {
  const token = new AccessToken(new Secret('t0k3n-value'), { wall: 0, monotonic: 0 }, 1000)
  t.equal(token.authorization, 'Bearer t0k3n-value')
  const printed = [inspect(token, { depth: 20, showHidden: true }), JSON.stringify(token), JSON.stringify({ token }), `${String(token)}`, Object.values(token).join()]
  for (const text of printed) t.notMatch(text, /t0k3n/)
})

test('what has elapsed is the larger of two clocks, and never negative', async t => {
  const clock = new FakeClock()
  const then = instant(clock)
  await clock.advance(1_000)
  t.equal(elapsedMs(then, clock), 1_000)
  clock.sleep(7_200_000)
  t.equal(elapsedMs(then, clock), 7_201_000, 'a laptop slept')
  clock.jump(-10 * 7_200_000)
  t.equal(elapsedMs(then, clock), 1_000, 'the wall clock was set back')
  t.equal(elapsedMs({ wall: clock.wall() + 5, monotonic: clock.monotonic() + 5 }, clock), 0)
})

test('a token that AMSU issues again is the same token', async t => {
  const [first, again, other] = ['value', 'value', 'other'].map((value, i) => new AccessToken(new Secret(value), { wall: i, monotonic: i }, 1000)) as [AccessToken, AccessToken, AccessToken]
  t.equal(first.isSameAs(again), true)
  t.equal(first.isSameAs(other), false)
})
