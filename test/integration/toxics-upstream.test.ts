/**
 * The matrix of faults between the proxy and AMSU: each fault × each kind of call, all kinds at once.
 */
import { test } from 'tap'
import type { Direction, Toxics } from '../support/toxic.ts'
import { startStage, watchMemory, type CallName, type Ending, type Stage } from '../support/toxic-stage.ts'

const KB = 1_000
const MB = 1_000_000

/**
 * What becomes of the small calls, of the uploads, and of the download. A code of ours is also what the log says; with `cut` before
 * it the answer had begun. Whoever uploads may see a cut instead of a code: the proxy does not read a body on for ever.
 */
type Expected = readonly [small: string, upload: string, download: string]

type Row = readonly [name: string, direction: Direction, toxics: Toxics, expected: Expected]

const GOOD: Expected = ['good', 'good', 'good']
const RESET: Expected = ['PROXY.UPSTREAM_RESET', 'PROXY.UPSTREAM_RESET', 'PROXY.UPSTREAM_RESET']
const TIMEOUT: Expected = ['PROXY.UPSTREAM_TIMEOUT', 'PROXY.UPSTREAM_TIMEOUT', 'PROXY.UPSTREAM_TIMEOUT']

/** A line that is slow in one way or another. */
const SLOW: readonly Row[] = (['server', 'client'] as const).flatMap(direction => [
  ['latency', direction, { latencyMs: 20 }, GOOD],
  ['jitter', direction, { latencyMs: 2, jitterMs: 15 }, GOOD],
  ['little bandwidth', direction, { bytesPerSecond: 40 * MB }, GOOD],
  ['pieces', direction, { slice: { bytes: 7 * KB, delayMs: 0 } }, GOOD],
] satisfies Row[])

const BROKEN: readonly Row[] = [
  ...(['reset', 'close', 'fin'] as const).flatMap(by => [
    [`${by} at the first byte`, 'server', { end: { afterBytes: 0, by } }, RESET],
    // An AMSU that can still answer says what it thinks of half a request, and that is passed on.
    [`${by} after 1 MB`, 'server', { end: { afterBytes: MB, by } }, ['good', by === 'fin' ? '400' : 'PROXY.UPSTREAM_RESET', 'good']],
    [`${by} at the first byte`, 'client', { end: { afterBytes: 0, by } }, RESET],
    [`${by} in the head`, 'client', { end: { afterBytes: 20, by } }, RESET],
    [`${by} after 1 MB`, 'client', { end: { afterBytes: MB, by } }, ['good', 'good', 'cut PROXY.UPSTREAM_RESET']],
  ] satisfies Row[]),
]

const SILENT: readonly Row[] = [
  ['silence', 'server', { end: { afterBytes: 0, by: 'stall' } }, TIMEOUT],
  ['silence after 1 MB', 'server', { end: { afterBytes: MB, by: 'stall' } }, ['good', 'PROXY.UPSTREAM_TIMEOUT', 'good']],
  ['silence', 'client', { end: { afterBytes: 0, by: 'stall' } }, TIMEOUT],
  ['silence in the head', 'client', { end: { afterBytes: 20, by: 'stall' } }, TIMEOUT],
  ['silence after 1 MB', 'client', { end: { afterBytes: MB, by: 'stall' } }, ['good', 'good', 'cut PROXY.UPSTREAM_TIMEOUT']],
]

function expectedOf (name: CallName, [small, upload, download]: Expected): string {
  if (name === 'download') return download
  return name.startsWith('upload') ? upload : small
}

/** Whether a call ended as expected, for its caller and in the log. */
function isAsExpected (stage: Stage, ending: Ending, expected: string): boolean {
  const code = /PROXY\.\w+/.exec(expected)?.[0]
  if (stage.lineOf(ending)?.['errorCode'] !== code) return false
  const outcome = expected.split(' ')[0] as string
  return ending.outcome === outcome || (ending.name.startsWith('upload') && outcome !== 'good' && ending.outcome === 'cut')
}

for (const [title, rows, settings] of [
  ['a slow line to AMSU, in either direction, is no error', SLOW, {}],
  ['a line to AMSU that breaks is one error or a cut, nothing is sent twice, nothing is left, and the next request is served', BROKEN, {}],
  ['a line to AMSU that falls silent is a time-out or a cut, nothing is sent twice, nothing is left, and the next request is served', SILENT, { UPSTREAM_RESPONSE_TIMEOUT_MS: '700', UPSTREAM_IDLE_TIMEOUT_MS: '700' }],
] as const) {
  test(title, async t => {
    const stage = await startStage(t, 'upstream', settings)
    await stage.makeAll('server', {})
    const memory = watchMemory(t)
    for (const [name, direction, toxics, expected] of rows) {
      const endings = await stage.makeAll(direction, toxics)
      for (const ending of endings) {
        const right = expectedOf(ending.name, expected)
        t.ok(isAsExpected(stage, ending, right), `${name} towards ${direction === 'server' ? 'AMSU' : 'the proxy'}, ${ending.name}: ${right}, found ${ending.outcome} and ${JSON.stringify(stage.lineOf(ending))}`)
      }
      await stage.checkAftermath(t)
    }
    memory.check()
    await stage.stop(t)
  })
}

test('an AMSU that refuses connections, or resets them once made, processes nothing; when it is back it is used again', async t => {
  const stage = await startStage(t, 'upstream')
  await stage.make('GET')
  for (const [state, codes] of [['refuse', ['PROXY.UPSTREAM_UNREACHABLE']], ['reset', ['PROXY.UPSTREAM_UNREACHABLE', 'PROXY.UPSTREAM_RESET']]] as const) {
    await stage.toxic.door(state)
    stage.toxic.cut('reset')
    const endings = await stage.makeAll('server', {})
    for (const ending of endings) {
      t.ok(codes.some(code => isAsExpected(stage, ending, code)), `${state}, ${ending.name}: ${ending.outcome}`)
      t.notOk(stage.hasSeen(ending), 'AMSU has not seen it')
    }
    await stage.checkAftermath(t)
  }
  await stage.stop(t)
})
