/**
 * Faulty lines and many calls: clients that disconnect all at once, and slow uploads.
 */
import { test } from 'tap'
import { createRandom } from '../soak/random.ts'
import { CALL_NAMES, startStage, watchMemory, type Ending, type Stage } from '../support/toxic-stage.ts'
import { until } from '../support/until.ts'

const MAX_CONNECTIONS = 64

/** 300 calls of all kinds, fewer of the large ones, whose clients disconnect after up to a second. */
async function makeCrowd (stage: Stage): Promise<Ending[]> {
  const random = createRandom(42)
  return await Promise.all(Array.from({ length: 300 }, async () => {
    const name = CALL_NAMES[Math.floor(random.next() ** 3 * CALL_NAMES.length)] ?? 'GET'
    return await stage.make(name, random.between(0, 1_000))
  }))
}

test('300 clients that disconnect within a second, in every phase, leave nothing behind: no call, no connection past the pool, no memory', async t => {
  const stage = await startStage(t, 'upstream', { UPSTREAM_MAX_CONNECTIONS: String(MAX_CONNECTIONS) })
  await stage.makeAll('server', {})
  const memory = watchMemory(t)
  // So slow that many wait for a response, and more than the pool takes wait for a connection.
  stage.toxic.set('client', { latencyMs: 150, jitterMs: 100 })
  const endings = await makeCrowd(stage)
  t.ok(endings.filter(({ outcome }) => outcome === 'no response').length > 100, 'many have left')
  t.strictSame(endings.filter(({ outcome }) => outcome !== 'good' && outcome !== 'no response'), [], 'the others have their responses')
  await stage.checkAftermath(t)
  t.strictSame(endings.filter(ending => ending.outcome === 'no response' && stage.lineOf(ending) !== undefined && ![200, 499].includes(Number(stage.lineOf(ending)?.['status']))), [], 'who left is logged as 499')
  t.ok(stage.upstream.sockets.size <= MAX_CONNECTIONS + 1, 'what is open is the pool, and the connection for tokens')
  memory.check()
  await stage.stop(t)
})

test('callers whose line breaks for all of them at once leave nothing behind', async t => {
  const stage = await startStage(t, 'caller', { UPSTREAM_MAX_CONNECTIONS: String(MAX_CONNECTIONS) })
  for (const by of ['reset', 'close'] as const) {
    // No response arrives, so that all clients are there when the line breaks. The proxy may have closed its side of some by then.
    const before = stage.toxic.accepted
    stage.toxic.set('client', { end: { afterBytes: 0, by: 'stall' } })
    const crowd = Promise.all(Array.from({ length: 100 }, async (_, i) => await stage.make(CALL_NAMES[i % CALL_NAMES.length] ?? 'GET')))
    await until(() => stage.toxic.accepted === before + 100)
    stage.toxic.cut(by)
    await stage.toxic.heal()
    const endings = await crowd
    t.strictSame(endings.filter(({ outcome }) => outcome !== 'cut'), [], `all were cut: ${by}`)
    await stage.checkAftermath(t)
  }
  t.ok(stage.upstream.sockets.size <= MAX_CONNECTIONS + 1, 'what is open is the pool, and the connection for tokens')
  await stage.stop(t)
})

test('a healthy slow upload never times out, whichever side of the proxy is slow', async t => {
  // 100 MB at 200 kB/s take 500 s, with timeouts of 60 s and 300 s; here 20 MB take 4 s, with timeouts of 1 s and 2.5 s.
  const settings = { UPSTREAM_IDLE_TIMEOUT_MS: '1000', UPSTREAM_RESPONSE_TIMEOUT_MS: '2500' }
  await Promise.all((['upstream', 'caller'] as const).map(async side => {
    const stage = await startStage(t, side, settings)
    stage.toxic.set('server', { bytesPerSecond: 5_000_000 })
    const endings = await Promise.all([stage.make('upload with a length'), stage.make('upload in chunks')])
    t.strictSame(endings.map(({ outcome }) => outcome), ['good', 'good'], `the line of the ${side} is slow`)
    await stage.checkAftermath(t)
    await stage.stop(t)
  }))
})
