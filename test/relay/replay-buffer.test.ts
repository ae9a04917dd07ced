import { test } from 'tap'
import { ReplayBudget, ReplayBuffer } from '../../src/relay/replay-buffer.ts'
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
  t.equal(outcomes.filter(({ replay }) => replay === 'responded').length, 100)
  t.ok(upstream.received.every(received => received.body.toString() === body), 'it is the same body each time')
})

test('a body of two thousand pieces is joined while it is kept, and is the same body', async t => {
  const budget = new ReplayBudget(100_000)
  const buffer = new ReplayBuffer(budget)
  const expected = Buffer.from(Array.from({ length: 2_001 }, (_, i) => i % 251))
  t.ok([...expected].every(byte => buffer.add(Buffer.from([byte]))))
  t.same(buffer.body(), expected)
  t.notOk(buffer.add(Buffer.alloc(100_000)), 'the limit holds')
  t.notOk(buffer.isComplete)
  t.ok(budget.take(1_600_000), 'all of it is given back')
})
