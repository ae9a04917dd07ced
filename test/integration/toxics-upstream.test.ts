/**
 * The matrix of faults between the proxy and AMSU. An error code of the proxy is also in the log; with `cut` before it the response had
 * begun. A client that uploads may see a cut instead of a code: the proxy does not read a body for ever.
 */
import { test } from 'tap'
import { all, ends, SLOW, tryMatrix, type Matrix, type Row } from '../support/toxic-matrix.ts'
import { startStage } from '../support/toxic-stage.ts'

const RESET = all('PROXY.UPSTREAM_RESET')
const TIMEOUT = all('PROXY.UPSTREAM_TIMEOUT')

const BROKEN: readonly Row[] = (['reset', 'close', 'fin'] as const).flatMap(by => [
  ends(by, 'at the first byte', 'server', RESET),
  // If AMSU can still respond to half a request, its response is passed on.
  ends(by, 'after 1 MB', 'server', ['good', by === 'fin' ? '400' : 'PROXY.UPSTREAM_RESET', 'good']),
  ends(by, 'at the first byte', 'client', RESET),
  ends(by, 'in the head', 'client', RESET),
  ends(by, 'after 1 MB', 'client', ['good', 'good', 'cut PROXY.UPSTREAM_RESET']),
])

const SILENT: readonly Row[] = [
  ends('stall', 'at the first byte', 'server', TIMEOUT),
  ends('stall', 'after 1 MB', 'server', ['good', 'PROXY.UPSTREAM_TIMEOUT', 'good']),
  ends('stall', 'at the first byte', 'client', TIMEOUT),
  ends('stall', 'in the head', 'client', TIMEOUT),
  ends('stall', 'after 1 MB', 'client', ['good', 'good', 'cut PROXY.UPSTREAM_TIMEOUT']),
]

const isRight: Matrix['isRight'] = (ending, expected, line) => {
  const code = /PROXY\.\w+/.exec(expected)?.[0]
  if (line?.['errorCode'] !== code) return false
  const outcome = expected.split(' ')[0]
  return ending.outcome === outcome || (ending.name.startsWith('upload') && outcome !== 'good' && ending.outcome === 'cut')
}

test('a slow line to AMSU, in either direction, is no error', async t => {
  await tryMatrix(t, { side: 'upstream', rows: SLOW, isRight })
})

test('a line to AMSU that breaks is one error or a cut, nothing is sent twice, nothing is left, and the next request is served', async t => {
  await tryMatrix(t, { side: 'upstream', rows: BROKEN, isRight })
})

test('a line to AMSU that falls silent is a timeout or a cut, nothing is sent twice, nothing is left, and the next request is served', async t => {
  const settings = { UPSTREAM_RESPONSE_TIMEOUT_MS: '700', UPSTREAM_IDLE_TIMEOUT_MS: '700' }
  await tryMatrix(t, { side: 'upstream', rows: SILENT, settings, isRight })
})

test('an AMSU that refuses connections, or resets them once made, processes nothing; when it is back it is used again', async t => {
  const stage = await startStage(t, 'upstream')
  await stage.make('GET')
  for (const [state, codes] of [['refuse', ['PROXY.UPSTREAM_UNREACHABLE']], ['reset', ['PROXY.UPSTREAM_UNREACHABLE', 'PROXY.UPSTREAM_RESET']]] as const) {
    await stage.toxic.door(state)
    stage.toxic.cut('reset')
    const endings = await stage.makeAll('server', {})
    for (const ending of endings) {
      t.ok(codes.some(code => isRight(ending, code, stage.lineOf(ending))), `${state}, ${ending.name}: ${ending.outcome}`)
      t.notOk(stage.hasSeen(ending), 'AMSU has not seen it')
    }
    await stage.checkAftermath(t)
  }
  await stage.stop(t)
})
