import { test } from 'tap'
import { AwaitingBody } from '../../src/relay/awaiting-body.ts'

test('the request that has waited longest is known, in whatever order others end their wait', async t => {
  let nowMs = 0
  const awaiting = new AwaitingBody({ monotonic: () => nowMs })
  const requests = Array.from({ length: 6 }, () => ({ index: -1, order: 0, sinceMs: 0, evict () {} }))
  const [first, second, third, fourth, fifth, sixth] = requests as [typeof requests[0], ...typeof requests]
  t.equal(awaiting.longest, undefined)
  for (const request of requests) awaiting.add(request)
  t.equal(awaiting.longest, undefined, 'their bodies may be on the way')
  nowMs = 999
  t.equal(awaiting.longest, undefined)
  nowMs = 1_000
  for (const [ends, longest] of [[second, first], [first, third], [sixth, third], [third, fourth], [fifth, fourth]] as const) {
    awaiting.remove(ends as typeof first)
    t.equal(awaiting.longest, longest)
  }
  awaiting.add(first)
  t.equal(awaiting.longest, fourth, 'who comes again waits last')
  awaiting.remove(fourth as typeof first)
  t.equal(awaiting.longest, undefined)
  nowMs = 2_000
  t.equal(awaiting.longest, first)
})
