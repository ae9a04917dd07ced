import { test } from 'tap'
import { call, errorCode } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { createScaledClock } from '../support/scaled-clock.ts'
import { startUpstream } from '../support/upstream.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { CLIENT_ID, CLIENT_SECRET } from '../support/proxy.ts'

const PATH = '/amsu-analysis/v2/available-times'

test('with a token of six seconds and a request every 40 ms for a minute no request fails and none carries an expired token', async t => {
  const FACTOR = 10
  const clock = createScaledClock(FACTOR)
  const simulator = await startSimulator({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, tokenLifeSeconds: 6, wall: clock.wall })
  const proxy = await startProxy(simulator.origin, {}, clock)
  t.teardown(async () => { await proxy.stop(); await simulator.close() })
  const endMs = clock.monotonic() + 60_000
  const statuses: number[] = []
  const underWay: Array<Promise<void>> = []
  while (clock.monotonic() < endMs) {
    underWay.push(call(proxy.origin, PATH).then(({ status }) => { statuses.push(status) }))
    await new Promise(resolve => setTimeout(resolve, 40 / FACTOR))
  }
  await Promise.all(underWay)
  t.ok(statuses.length > 300, `${statuses.length} requests`)
  t.same([...new Set(statuses)], [200])
  t.equal(simulator.record.expiredBearers, 0)
  t.equal(simulator.record.badBearers, 0)
  t.equal(simulator.record.calls['POST /token'], 1, 'the secret crossed the wire once')
  t.ok(simulator.record.calls['PUT /token'] >= 10 && simulator.record.calls['PUT /token'] <= 30, `${simulator.record.calls['PUT /token']} renewals`)
})

test('where PUT is blocked the token is renewed by POST refreshment', async t => {
  const clock = createScaledClock(20)
  const simulator = await startSimulator({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, tokenLifeSeconds: 6, wall: clock.wall })
  simulator.faults.rejectPut = true
  const proxy = await startProxy(simulator.origin, {}, clock)
  t.teardown(async () => { await proxy.stop(); await simulator.close() })
  await simulator.seen('POST /token/refreshment', 3)
  t.equal(simulator.record.calls['PUT /token'], 1, 'PUT is not tried again for hours')
  t.equal(simulator.record.calls['POST /token'], 1)
  t.equal((await call(proxy.origin, PATH)).status, 200)
})

test('when AMSU has revoked everything the proxy gets a new token with the credentials', async t => {
  const clock = createScaledClock(20)
  const simulator = await startSimulator({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, tokenLifeSeconds: 6, wall: clock.wall })
  const proxy = await startProxy(simulator.origin, {}, clock)
  t.teardown(async () => { await proxy.stop(); await simulator.close() })
  t.equal((await call(proxy.origin, PATH)).status, 200)
  simulator.revokeAll()
  await simulator.seen('POST /token', 2)
  while ((await call(proxy.origin, PATH)).status !== 200) t.equal(simulator.record.calls['POST /token'], 2)
  t.equal(simulator.record.calls['POST /token'], 2)
})

test('a request whose tokens expire before it can be sent waits TOKEN_WAIT_MS in all', async t => {
  const upstream = await startUpstream({ lifeSeconds: 0.001 })
  const proxy = await startProxy(upstream.origin, { TOKEN_WAIT_MS: '2500' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const got = await call(proxy.origin, PATH)
  t.equal(errorCode(got.text), 'PROXY.TOKEN_UNAVAILABLE')
  t.ok(upstream.tokens.length >= 2, 'more than one token came meanwhile')
  t.equal(upstream.received.length, 0)
})
