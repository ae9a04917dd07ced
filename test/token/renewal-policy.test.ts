import { test } from 'tap'
import { expiryMarginMs, isRefreshTokenUsable, isWorthTrying, nextAttempt, renewalPlan, renewAtAgeMs, retryDelayMs, tokenState } from '../../src/token/renewal-policy.ts'

const DAY_MS = 86_400_000

test('a token is renewed at about 80 % of its life, at the latest 60 s before its end, and at half when it is short', async t => {
  for (const [name, lifeMs, random, expectedMs] of [
    ['a day, in the middle of the jitter', DAY_MS, 0.5, 0.8 * DAY_MS],
    ['a day, earliest', DAY_MS, 0, 0.75 * DAY_MS],
    ['a day, almost latest', DAY_MS, 1, 0.85 * DAY_MS],
    ['ten minutes', 600_000, 0.5, 480_000],
    ['four minutes: 60 s before the end comes first', 240_000, 0.5, 180_000],
    ['90 s', 90_000, 0.5, 30_000],
    ['just under 90 s', 89_000, 0.5, 44_500],
    ['six seconds', 6_000, 0.5, 3_000],
    ['six seconds, earliest', 6_000, 0, 2_700],
  ] as const) {
    t.equal(Math.round(renewAtAgeMs(lifeMs, random)), Math.round(expectedMs), name)
  }
})

test('a token is fresh, then stale, then expired', async t => {
  for (const [ageMs, state] of [[0, 'fresh'], [79, 'fresh'], [80, 'stale'], [89, 'stale'], [90, 'expired'], [1e9, 'expired']] as const) {
    t.equal(tokenState(ageMs, 100, 80), state, `age ${ageMs} of 100`)
  }
})

test('a token is not sent in the last tenth of its life, nor in its last 10 s', async t => {
  t.equal(expiryMarginMs(6_000), 600)
  t.equal(expiryMarginMs(DAY_MS), 10_000)
})

test('a refresh token is used until the last hour of its 30 days', async t => {
  t.equal(isRefreshTokenUsable(0), true)
  t.equal(isRefreshTokenUsable(30 * DAY_MS - 3_600_001), true)
  t.equal(isRefreshTokenUsable(30 * DAY_MS - 3_600_000), false)
})

test('trouble is waited out from 1 s to 30 s with full jitter; a rejection for 60 s; Retry-After is honoured', async t => {
  for (const [name, kind, failures, random, retryAfterMs, expectedMs] of [
    ['first failure, least', 'transient', 1, 0, 0, 1_000],
    ['first failure, most', 'transient', 1, 1, 0, 2_000],
    ['third failure, most', 'transient', 3, 1, 0, 8_000],
    ['fifth failure, most', 'transient', 5, 1, 0, 30_000],
    ['hundredth failure, most', 'transient', 100, 1, 0, 30_000],
    ['hundredth failure, least', 'transient', 100, 0, 0, 1_000],
    ['AMSU asks for 7 s', 'transient', 1, 0, 7_000, 7_000],
    ['AMSU asks for less than the backoff', 'transient', 5, 1, 2_000, 30_000],
    ['a front end asks for a year', 'transient', 1, 0, 3.2e10, 900_000],
    ['rejected', 'rejected', 1, 0, 0, 60_000],
    ['rejected again', 'rejected', 9, 1, 0, 60_000],
    ['rejected, Retry-After of two minutes', 'rejected', 1, 0, 120_000, 120_000],
  ] as const) {
    t.equal(retryDelayMs(kind, failures, random, retryAfterMs), expectedMs, name)
  }
})

test('a renewal goes by PUT, then by POST refreshment, then by the credentials, with memory of what was refused', async t => {
  const situation = { refreshTokenAgeMs: 0, putBlockedAgeMs: undefined, isTokenUsable: true, hasFailed: false }
  for (const [name, change, plan] of [
    ['at best', {}, ['refresh_put', 'refresh_post', 'credentials']],
    ['without a refresh token', { refreshTokenAgeMs: undefined }, ['credentials']],
    ['with one of 30 days', { refreshTokenAgeMs: 30 * DAY_MS }, ['credentials']],
    ['after a refused PUT', { putBlockedAgeMs: 1_000 }, ['refresh_post', 'credentials']],
    ['six hours after a refused PUT', { putBlockedAgeMs: 6 * 3_600_000 }, ['refresh_put', 'refresh_post', 'credentials']],
    ['after a failure, with a token left', { hasFailed: true }, ['refresh_put', 'refresh_post', 'credentials']],
    ['after a failure, with none left', { hasFailed: true, isTokenUsable: false }, ['credentials']],
    ['after a night’s sleep', { isTokenUsable: false }, ['refresh_put', 'refresh_post', 'credentials']],
  ] as const) {
    t.same(renewalPlan({ ...situation, ...change }), plan, name)
  }
})

test('the next call of a plan is made only where it may help', async t => {
  for (const [next, failure, isTokenUsable, isWorth] of [
    ['refresh_post', 'method_blocked', true, true], ['refresh_post', 'connection_lost', true, true], ['refresh_post', 'rejected', true, false], ['refresh_post', 'transient', false, false],
    ['credentials', 'rejected', true, true], ['credentials', 'method_blocked', true, true], ['credentials', 'connection_lost', true, false], ['credentials', 'connection_lost', false, true], ['credentials', 'transient', false, false],
  ] as const) {
    t.equal(isWorthTrying(next, failure, isTokenUsable), isWorth, `${next} after ${failure}, ${isTokenUsable ? 'a' : 'no'} token left`)
  }
})

test('new credentials are tried before a renewal, except when no token is usable and AMSU has not rejected those in use', async t => {
  for (const [tokenState, failure, isPaused, isCandidateDue, expected] of [
    ['fresh', undefined, false, false, undefined],
    ['fresh', undefined, false, true, 'candidate'],
    ['stale', undefined, false, false, 'renewal'],
    ['stale', 'transient', false, true, 'candidate'],
    ['stale', undefined, true, false, undefined],
    ['expired', undefined, false, true, 'renewal'],
    ['expired', 'transient', false, true, 'renewal'],
    ['expired', 'transient', true, true, 'candidate'],
    ['expired', 'rejected', false, true, 'candidate'],
    ['expired', 'rejected', false, false, 'renewal'],
    ['expired', 'rejected', true, false, undefined],
  ] as const) t.equal(nextAttempt({ tokenState, failure, isPaused, isCandidateDue }), expected, `${tokenState} ${failure} ${isPaused} ${isCandidateDue}`)
})
