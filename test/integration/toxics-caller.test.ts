/**
 * The matrix of faults between callers and the proxy.
 */
import { test } from 'tap'
import { all, ends, SLOW, tryMatrix, type Matrix, type Row } from '../support/toxic-matrix.ts'

const CUT = all('cut')
const NO_RESPONSE = all('no response')

const BROKEN: readonly Row[] = (['reset', 'close', 'fin'] as const).flatMap(by => [
  ends(by, 'at the first byte', 'server', CUT),
  ends(by, 'in the head', 'server', CUT),
  ends(by, 'after 1 MB', 'server', ['good', 'cut', 'good']),
  ends(by, 'at the first byte', 'client', CUT),
  ends(by, 'in the head', 'client', CUT),
  ends(by, 'after 1 MB', 'client', ['good', 'good', 'cut']),
])

/** The caller gives up, but not before the proxy would have. */
const SILENT: readonly Row[] = [
  ends('stall', 'at the first byte', 'server', NO_RESPONSE),
  ends('stall', 'in the head', 'server', NO_RESPONSE),
  ends('stall', 'after 1 MB', 'server', ['good', 'PROXY.UPSTREAM_TIMEOUT', 'good']),
  ends('stall', 'at the first byte', 'client', NO_RESPONSE),
  ends('stall', 'in the head', 'client', NO_RESPONSE),
  ends('stall', 'after 1 MB', 'client', ['good', 'good', 'no response']),
]

const isRight: Matrix['isRight'] = ({ outcome }, expected, line) => outcome === expected && (expected !== 'PROXY.UPSTREAM_TIMEOUT' || line?.['status'] === 504)

test('a slow line to the caller, in either direction, is no error', async t => {
  await tryMatrix(t, { side: 'caller', rows: SLOW, isRight })
})

test('a line to the caller that breaks is a cut, cancels the call at AMSU, and nothing is left', async t => {
  await tryMatrix(t, { side: 'caller', rows: BROKEN, isRight })
})

test('a line to the caller that falls silent is 504 in the middle of a body, and nothing is left once the caller gives up', async t => {
  await tryMatrix(t, { side: 'caller', rows: SILENT, settings: { UPSTREAM_IDLE_TIMEOUT_MS: '500' }, limitMs: 1_200, isRight })
})
