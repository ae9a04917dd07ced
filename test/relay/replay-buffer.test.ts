import { test } from 'tap'
import { call } from '../support/client.ts'
import { REPLAY_BODY_BYTES, startRelay } from '../support/relay.ts'
import { json, startUpstream } from '../support/upstream.ts'

test('the memory of a body that was sent again is given back: the hundredth bad token costs its caller no more than the first', async t => {
  const body = 'x'.repeat(REPLAY_BODY_BYTES)
  let count = 0
  const upstream = await startUpstream({ onRequest: (_received, res) => { if (count++ % 2 === 0) json(res, 401, {}); else res.end('ok') } })
  t.teardown(upstream.close)
  const { origin, outcomes } = await startRelay(t, { origin: upstream.origin })
  for (let i = 1; i <= 100; i++) {
    if ((await call(origin, '/amsu-analysis/v2/things/', { method: 'POST', body })).text !== 'ok') t.fail(`call ${i}`)
  }
  t.equal(outcomes.filter(({ replay }) => replay === 'answered').length, 100)
  t.ok(upstream.received.every(received => received.body.toString() === body), 'it is the same body each time')
})
