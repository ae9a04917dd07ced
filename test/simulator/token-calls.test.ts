import { test } from 'tap'
import { decodeJwt } from 'jose'
import { call } from '../support/client.ts'
import { buyTokens, getTimes, sendForm } from './client.ts'
import { simulatorDefaults, startSimulator } from './simulator.ts'
import type { Simulator, SimulatorOptions } from './simulator.ts'

const credentials = { client_id: simulatorDefaults.clientId, client_secret: simulatorDefaults.clientSecret }

async function start (t: { after: (end: () => Promise<void>) => unknown }, options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const simulator = await startSimulator(options)
  t.after(() => simulator.close())
  return simulator
}

await test('the right credentials buy a pair of tokens in exactly the documented shape', async t => {
  const { origin } = await start(t, { wall: () => 1_700_000_000_000 })
  const { status, body } = await sendForm(origin, 'POST', '/token', credentials)
  t.equal(status, 200)
  t.same(Object.keys(body), ['access_token', 'token_type', 'expires_in', 'refresh_token'])
  t.match(body, { token_type: 'bearer', expires_in: 86_400 })
  const access = decodeJwt(body['access_token'] as string)
  const refresh = decodeJwt(body['refresh_token'] as string)
  t.same(Object.keys(access), ['sub', 'exp'])
  t.match(access, { sub: /^app_key:[0-9a-f]{20}$/, exp: 1_700_086_400 })
  t.match(refresh, { sub: `refresh:${access.sub}`, exp: 1_702_592_000 })
  t.equal((body['access_token'] as string).length, 155, 'as long as the vendor\'s')
  t.equal((body['refresh_token'] as string).length, 165, 'as long as the vendor\'s')
})

await test('wrong credentials are rejected with AUTHENTICATION_FAILED, missing ones with INVALID_PARAMETER', async t => {
  const { origin } = await start(t)
  for (const wrong of [{ client_id: 'other' }, { client_secret: 'other' }]) {
    t.match(await sendForm(origin, 'POST', '/token', { ...credentials, ...wrong }), { status: 401, body: { error: { code: 'COMMON.AUTHENTICATION_FAILED' } } })
  }
  t.match(await sendForm(origin, 'POST', '/token', { client_id: 'x' }), { status: 422, body: { error: { code: 'COMMON.INVALID_PARAMETER' } } })
  t.match(await sendForm(origin, 'PUT', '/token', {}), { status: 422 })
  const json = await call(origin, '/amsu-analysis/v2/token', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(credentials) })
  t.equal(json.status, 422, 'JSON is no form')
  const empty = await call(origin, '/amsu-analysis/v2/token', { method: 'POST' })
  t.equal(empty.status, 422)
})

await test('a refresh token buys a new pair by PUT and by POST, and the old pair lives on', async t => {
  const simulator = await start(t)
  const first = await buyTokens(simulator.origin)
  const put = await sendForm(simulator.origin, 'PUT', '/token', { refresh_token: first.refresh_token })
  const post = await sendForm(simulator.origin, 'POST', '/token/refreshment', { refresh_token: first.refresh_token })
  for (const { status, body } of [put, post]) {
    t.equal(status, 200)
    t.equal((await getTimes(simulator.origin, body['access_token'] as string)).status, 200)
  }
  t.equal((await getTimes(simulator.origin, first.access_token)).status, 200)
  t.equal(simulator.issueCount, 3)
  t.match(simulator.record.calls, { 'POST /token': 1, 'PUT /token': 1, 'POST /token/refreshment': 1, 'GET /available-times': 3 })
})

await test('no other token refreshes', async t => {
  const { origin } = await start(t)
  const { access_token: access } = await buyTokens(origin)
  for (const token of ['nonsense', access]) {
    t.match(await sendForm(origin, 'PUT', '/token', { refresh_token: token }), { status: 401, body: { error: { code: 'COMMON.INVALID_CREDENTIALS' } } })
  }
})

await test('tokens expire to the millisecond, access and refresh each in its time', async t => {
  let now = 1_700_000_000_500
  const simulator = await start(t, { wall: () => now, tokenLifeSeconds: 60, refreshLifeSeconds: 120 })
  const { access_token: access, refresh_token: refresh } = await buyTokens(simulator.origin)
  now += 59_999
  t.equal((await getTimes(simulator.origin, access)).status, 200)
  now += 1
  t.match(await getTimes(simulator.origin, access), { status: 401, body: { error: { code: 'COMMON.INVALID_CREDENTIALS' } } })
  t.equal((await sendForm(simulator.origin, 'PUT', '/token', { refresh_token: refresh })).status, 200)
  now += 60_000
  t.equal((await sendForm(simulator.origin, 'PUT', '/token', { refresh_token: refresh })).status, 401)
  t.match(simulator.record, { expiredBearers: 1, badBearers: 1 })
  t.match(simulator.record.authorizations.map(seen => seen.state), ['valid', 'expired'])
})

await test('tokens of the same second differ, and one can be revoked without the other', async t => {
  const simulator = await start(t, { wall: () => 1_700_000_000_000 })
  const one = await buyTokens(simulator.origin)
  const two = await buyTokens(simulator.origin)
  t.not(one.access_token, two.access_token)
  simulator.revoke(one.access_token)
  t.equal((await getTimes(simulator.origin, one.access_token)).status, 401)
  t.equal((await getTimes(simulator.origin, two.access_token)).status, 200)
  simulator.revokeAll()
  t.equal((await getTimes(simulator.origin, two.access_token)).status, 401)
  t.equal((await sendForm(simulator.origin, 'PUT', '/token', { refresh_token: two.refresh_token })).status, 401)
  t.match(simulator.record, { expiredBearers: 0, badBearers: 2 })
})
