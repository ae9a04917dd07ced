/**
 * The matrix of faults between callers and the proxy: each fault × each kind of call, all kinds at once.
 */
import { test } from 'tap'
import type { Direction, Toxics } from '../support/toxic.ts'
import { startStage, watchMemory, type CallName } from '../support/toxic-stage.ts'

const KB = 1_000
const MB = 1_000_000

/** What may become of the small calls, of the uploads, and of the download. */
type Expected = readonly [small: string, upload: string, download: string]

type Row = readonly [name: string, direction: Direction, toxics: Toxics, expected: Expected]

const GOOD: Expected = ['good', 'good', 'good']
const CUT: Expected = ['cut', 'cut', 'cut']
const NO_ANSWER: Expected = ['no answer', 'no answer', 'no answer']

const SLOW: readonly Row[] = (['server', 'client'] as const).flatMap(direction => [
  ['latency', direction, { latencyMs: 20 }, GOOD],
  ['jitter', direction, { latencyMs: 2, jitterMs: 15 }, GOOD],
  ['little bandwidth', direction, { bytesPerSecond: 40 * MB }, GOOD],
  ['pieces', direction, { slice: { bytes: 7 * KB, delayMs: 0 } }, GOOD],
] satisfies Row[])

const BROKEN: readonly Row[] = [
  ...(['reset', 'close', 'fin'] as const).flatMap(by => [
    [`${by} at the first byte`, 'server', { end: { afterBytes: 0, by } }, CUT],
    [`${by} in the head`, 'server', { end: { afterBytes: 20, by } }, CUT],
    [`${by} after 1 MB`, 'server', { end: { afterBytes: MB, by } }, ['good', 'cut', 'good']],
    [`${by} at the first byte`, 'client', { end: { afterBytes: 0, by } }, CUT],
    [`${by} in the head`, 'client', { end: { afterBytes: 20, by } }, CUT],
    [`${by} after 1 MB`, 'client', { end: { afterBytes: MB, by } }, ['good', 'good', 'cut']],
  ] satisfies Row[]),
]

/** The caller gives up, but not before the proxy would have. */
const SILENT: readonly Row[] = [
  ['silence', 'server', { end: { afterBytes: 0, by: 'stall' } }, NO_ANSWER],
  ['silence in the head', 'server', { end: { afterBytes: 20, by: 'stall' } }, NO_ANSWER],
  ['silence after 1 MB', 'server', { end: { afterBytes: MB, by: 'stall' } }, ['good', 'PROXY.REQUEST_TIMEOUT', 'good']],
  ['silence', 'client', { end: { afterBytes: 0, by: 'stall' } }, NO_ANSWER],
  ['silence in the head', 'client', { end: { afterBytes: 20, by: 'stall' } }, NO_ANSWER],
  ['silence after 1 MB', 'client', { end: { afterBytes: MB, by: 'stall' } }, ['good', 'good', 'no answer']],
]

function expectedOf (name: CallName, [small, upload, download]: Expected): string {
  if (name === 'download') return download
  return name.startsWith('upload') ? upload : small
}

for (const [title, rows, settings, limitMs] of [
  ['a slow line to the caller, in either direction, is no error', SLOW, {}, undefined],
  ['a line to the caller that breaks is a cut, cancels the call at AMSU, and nothing is left', BROKEN, {}, undefined],
  ['a line to the caller that falls silent is 408 in the middle of a body, and nothing is left once the caller gives up', SILENT, { UPSTREAM_IDLE_TIMEOUT_MS: '500' }, 1_200],
] as const) {
  test(title, async t => {
    const stage = await startStage(t, 'caller', settings)
    await stage.makeAll('server', {})
    const memory = watchMemory(t)
    for (const [name, direction, toxics, expected] of rows) {
      for (const ending of await stage.makeAll(direction, toxics, limitMs)) {
        const right = expectedOf(ending.name, expected)
        t.equal(ending.outcome, right, `${name} towards the ${direction === 'server' ? 'proxy' : 'caller'}, ${ending.name}: ${JSON.stringify(stage.lineOf(ending))}`)
        if (right === 'PROXY.REQUEST_TIMEOUT') t.match(stage.lineOf(ending), { status: 408 })
      }
      await stage.checkAftermath(t)
    }
    memory.check()
    await stage.stop(t)
  })
}
