import { test, type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { AmsuCalls } from '../../src/commands/check-calls.ts'
import { apiClientOf } from '../../src/commands/check-network.ts'
import { createMasker, type Masker } from '../../src/secrets/masker.ts'
import { CLIENT_ID, CLIENT_SECRET } from '../support/proxy.ts'
import { json, startUpstream, type Received, type Upstream, type UpstreamOptions } from '../support/upstream.ts'
import { contextOf } from './check-setup.ts'

const REJECTED = { error: { code: 'COMMON.AUTHENTICATION_FAILED', msg: 'value-never-shown' } }

/** The calls, to an AMSU that responds as the test defines. */
async function startCalls (t: Test, options: UpstreamOptions = {}, settings: Record<string, string> = {}, aheadMs = 0): Promise<{ calls: AmsuCalls, upstream: Upstream, masker: Masker }> {
  const upstream = await startUpstream({ onRequest: (_call, res) => { json(res, 200, { hrv_analysis: 7 }) }, ...options })
  const clock = { ...systemClock, wall: () => systemClock.wall() + aheadMs }
  const context = contextOf({ AMSU_BASE_URL: upstream.origin, ...settings }, { clock })
  const client = apiClientOf(context)
  t.teardown(async () => { await client.destroy(); await upstream.close() })
  const masker = createMasker()
  return { upstream, masker, calls: new AmsuCalls({ context, client, masker }) }
}

function formOf ({ body }: Received): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(String(body)))
}

test('each call uses the results of the earlier ones, and every token is masked before anything is printed', async t => {
  const { calls, upstream, masker } = await startCalls(t)
  for (const outcome of [await calls.token(), await calls.refresh('refresh_put'), await calls.refresh('refresh_post')]) {
    t.match(outcome, { status: 'ok', found: 'a token that expires in 24 h', data: { expiresInSeconds: 86_400, hasRefreshToken: true } })
  }
  t.match(await calls.availableTimes(), { status: 'ok', found: 'left: hrv 7' })
  t.match(upstream.tokenCalls.map(({ method, url }) => `${method} ${url.replace('/amsu-analysis/v2/', '')}`), ['POST token', 'PUT token', 'POST token/refreshment'])
  t.match(upstream.tokenCalls.map(formOf), [{ client_id: CLIENT_ID, client_secret: CLIENT_SECRET }, { refresh_token: /^upstream-refresh-1-/ }, { refresh_token: /^upstream-refresh-2-/ }])
  t.match(upstream.received, [{ method: 'GET', url: '/amsu-analysis/v2/available-times', headers: { authorization: `Bearer ${upstream.tokens[2]}` } }])
  for (const token of upstream.tokens) t.notMatch(masker.mask(token), 'upstream-token')
  t.notMatch(masker.mask(formOf(upstream.tokenCalls[2] as Received)['refresh_token'] as string), 'upstream-refresh')
})

test('the lifetime of a token is shown in hours and minutes, or in seconds if it is short', async t => {
  let seconds = 0
  const { calls } = await startCalls(t, { onToken: (_call, res) => { json(res, 200, { access_token: 'given-access', expires_in: seconds }) } })
  for (const [life, told] of [[86_400, '24 h'], [5_430, '1 h 30 min'], [3_600, '1 h'], [150, '2 min'], [59, '59 s']] as const) {
    seconds = life
    t.equal((await calls.token()).found, `a token that expires in ${told}`)
  }
})

test('without a refresh token no refresh call is tried, and nothing is sent', async t => {
  const { calls, upstream } = await startCalls(t, { onToken: (_call, res) => { json(res, 200, { access_token: 'given-access', expires_in: 60 }) } })
  t.match(await calls.token(), { status: 'ok', data: { hasRefreshToken: false } })
  t.strictSame(await calls.refresh('refresh_put'), { status: 'not_tried', found: 'AMSU issued no refresh token; the ID and the secret are sent at each renewal' })
  t.equal(upstream.tokenCalls.length, 1)
})

test('a clock more than half a minute off is noted', async t => {
  for (const [aheadMs, expected] of [
    [20_000, { status: 'ok' }],
    [45_000, { status: 'note', found: /; this clock is \d+ s ahead/ }],
    [7_205_000, { status: 'note', found: /; this clock is 2 h ahead of the clock of AMSU$/, advice: /set the clock/ }],
    [-185_000, { status: 'note', found: /; this clock is 3 min behind the clock of AMSU$/ }],
  ] as const) {
    const { calls } = await startCalls(t, {}, {}, aheadMs)
    t.match(await calls.token(), expected, `${aheadMs}`)
  }
})

test('credentials that AMSU rejects are called wrong, or carelessly copied when they begin or end with a space or a quotation mark', async t => {
  for (const [settings, cause] of [
    [{}, /is wrong, or AMSU has revoked it/],
    [{ AMSU_CLIENT_ID: ' an-id' }, /begins or ends with a space or a quotation mark/],
    [{ AMSU_CLIENT_SECRET: "'a-secret'" }, /begins or ends/],
    [{ AMSU_CLIENT_SECRET: 'a "secret" `within' }, /is wrong/],
  ] as Array<[Record<string, string>, RegExp]>) {
    const { calls } = await startCalls(t, { onToken: (_call, res) => { json(res, 401, REJECTED) } }, settings)
    t.match(await calls.token(), { status: 'failed', found: 'AMSU rejects the credentials (status 401 COMMON.AUTHENTICATION_FAILED)', cause, data: { status: 401 } })
  }
})

test('a refresh token that is rejected is AMSU’s trouble, a method that is rejected a firewall’s', async t => {
  let rejection: { status: number, body: unknown } | undefined
  const { calls } = await startCalls(t, {
    onToken (_call, res) {
      if (rejection === undefined) json(res, 200, { access_token: 'given-access', expires_in: 60, refresh_token: 'given-refresh' })
      else json(res, rejection.status, rejection.body)
    },
  })
  await calls.token()
  rejection = { status: 401, body: REJECTED }
  t.match(await calls.refresh('refresh_post'), { status: 'failed', found: /^AMSU rejects the refresh token that it has just issued \(status 401/, cause: 'AMSU has a failure', data: { status: 401 } })
  rejection = { status: 405, body: {} }
  t.match(await calls.refresh('refresh_put'), { status: 'failed', found: 'the response has status 405', cause: /firewall on the way blocks this method/, advice: /allow PUT/ })
  t.match(await calls.refresh('refresh_post'), { cause: 'AMSU does not respond as documented' }, 'a POST passes everywhere')
})

test('the quota is shown by family; a family at 0 is a note, and all families at 0 are a failure', async t => {
  let times: Record<string, number> = {}
  const { calls } = await startCalls(t, { onRequest: (_call, res) => { json(res, 200, times) } })
  await calls.token()
  for (const [response, expected] of [
    [{ hrv_analysis: -1, health_analysis: 3 }, { status: 'ok', found: 'left: hrv unlimited, health 3' }],
    [{ hrv_analysis: 0, health_analysis: 3 }, { status: 'note', found: 'left: hrv 0, health 3', cause: 'the quota of hrv_analysis is used up' }],
    [{ hrv_analysis: 0, health_analysis: 0 }, { status: 'failed', cause: 'the quota of hrv_analysis, health_analysis is used up' }],
    [{}, { status: 'failed', cause: 'AMSU does not respond as documented' }],
  ] as const) {
    times = response
    t.match(await calls.availableTimes(), expected)
  }
})

test('an aborted response and a missing response are reported as such', async t => {
  const breaking = await startCalls(t, { onToken: (_call, res) => { res.socket?.resetAndDestroy() } })
  t.match(await breaking.calls.token(), { status: 'failed', found: /no connection \((?:ECONNRESET|ERR_CONNECTION_ENDED)\)/ })
  const silent = await startCalls(t, { onToken: () => {}, onRequest: () => {} }, { TOKEN_REQUEST_TIMEOUT_MS: '100' })
  t.match(await silent.calls.token(), { status: 'failed', found: /no response in time/ })
})
