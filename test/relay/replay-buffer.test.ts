import { test } from 'tap'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ReplayBudget, ReplayBuffer } from '../../src/relay/replay-buffer.ts'
import { call } from '../support/client.ts'
import { REPLAY_BODY_BYTES, startRelay } from '../support/relay.ts'
import { json, startUpstream } from '../support/upstream.ts'

test('the memory of a replayed body is given back: the hundredth invalid token costs its client no more than the first', async t => {
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

test('a body in the smallest pieces is kept in a small multiple of its length, although a long piece comes now and then', t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = (): number => {
    // V8 frees array buffers beside the program; the next collection waits until it has.
    collect()
    collect()
    const { external, heapUsed } = process.memoryUsage()
    return external + heapUsed
  }
  const limit = 1_048_576
  for (const [name, lengths] of [['one byte each', [1]], ['255 short ones, and a long one', [...Array.from({ length: 255 }, () => 1), 4_096]]] as const) {
    const buffer = new ReplayBuffer(new ReplayBudget(limit))
    const before = used()
    let bytes = 0
    // Each chunk is a slice of a larger buffer, like a chunk with an extension.
    for (let i = 0; bytes + 4_096 <= limit; i++) {
      const length = lengths[i % lengths.length] as number
      buffer.add(Buffer.from(new ArrayBuffer(length + 100), 0, length))
      bytes += length
    }
    const multiple = (used() - before) / bytes
    t.ok(multiple < 8, `${name}: ${multiple.toFixed(1)} times its length`)
    t.equal(buffer.body()?.length, bytes)
  }
  t.end()
})
