import { test } from 'tap'
import { routeOf } from '../../src/amsu/routes.ts'
import { errorTable } from '../../src/errors.ts'
import { Traffic } from '../../src/telemetry/traffic.ts'
import { outcomeOf } from './outcomes.ts'

test('requests are counted by route, method, status and caller', async t => {
  const traffic = new Traffic()
  const path = '/amsu-analysis/v2/available-times'
  for (const changes of [{}, {}, { status: 422 }, { caller: 'app' }, { path, method: 'GET' }, { path, method: 'HEAD' }, {}]) traffic.count(outcomeOf(changes))
  const route = '/amsu-analysis/v2/hrv/rr-list/'
  t.strictSame(traffic.requests, [
    { route, method: 'POST', status: '200', caller: '', count: 3 },
    { route, method: 'POST', status: '422', caller: '', count: 1 },
    { route, method: 'POST', status: '200', caller: 'app', count: 1 },
    { route: path, method: 'GET', status: '200', caller: '', count: 1 },
    { route: path, method: 'HEAD', status: '200', caller: '', count: 1 },
  ])
})

test('whatever callers and AMSU send, the labels are few', async t => {
  const traffic = new Traffic()
  for (let i = 0; i < 2_000; i++) traffic.count(outcomeOf({ path: `/amsu-analysis/v2/made-up-${i}`, status: 600 + i }))
  for (let status = 100; status < 600; status++) traffic.count(outcomeOf({ path: '/amsu-analysis/v2/hrv/rr-list', status }))
  t.ok(traffic.requests.length < 80, `${traffic.requests.length} series`)
  t.strictSame([...new Set(traffic.requests.map(({ route }) => route))], ['other'])
  t.equal(traffic.requests.find(({ status }) => status === 'other')?.count, 2_000 + 500 - (traffic.requests.length - 1))
})

test('a route is a path AMSU documents, to the slash', async t => {
  for (const [path, route] of [
    ['/amsu-analysis/v2/available-times', '/amsu-analysis/v2/available-times'],
    ['/amsu-analysis/v2/available-times/', 'other'],
    ['/amsu-analysis/v2/hrv/rr-list/', '/amsu-analysis/v2/hrv/rr-list/'],
    ['/amsu-analysis/v2/hrv/rr-list', 'other'],
    ['/amsu-analysis/v2/HRV/rr-list/', 'other'],
    ['/amsu-analysis/v1/hrv/rr-list/', 'other'],
    ['/amsu-analysis/', 'other'],
  ] as const) t.equal(routeOf(path), route, path)
})

test('an aborted request is counted under 499, and an unknown caller under no name', async t => {
  const traffic = new Traffic()
  traffic.count(outcomeOf({ status: 499, upstreamMs: undefined }))
  traffic.count(outcomeOf({ status: 401, errorCode: 'CALLER_UNAUTHENTICATED', upstreamMs: undefined }))
  t.match(traffic.requests, [{ status: '499', caller: '', count: 1 }, { status: '401', caller: '', count: 1 }])
  t.equal(traffic.upstreamDurations.cumulative.at(-1), 0, 'AMSU responded to neither')
  t.equal(traffic.durations.cumulative.at(-1), 2)
})

test('bytes and seconds add up', async t => {
  const traffic = new Traffic()
  for (const ms of [4, 40, 400_000]) traffic.count(outcomeOf({ bytesIn: 10, bytesOut: 3, durationMs: ms, upstreamMs: ms / 2 }))
  t.equal(traffic.requestBytes, 30)
  t.equal(traffic.responseBytes, 9)
  t.equal(traffic.durations.sum, 400.044)
  t.equal(traffic.upstreamDurations.sum, 200.022)
  t.equal(traffic.durations.cumulative[0], 1)
})

test('an error counts once, whether the request was relayed or rejected before, and all of them are there from the start', async t => {
  const traffic = new Traffic()
  t.strictSame([...traffic.errors.keys()], Object.keys(errorTable))
  t.strictSame([...new Set(traffic.errors.values())], [0])
  traffic.count(outcomeOf({ errorCode: 'UPSTREAM_TIMEOUT', status: 504 }))
  traffic.countError('HOST_REJECTED')
  traffic.countError('HOST_REJECTED')
  t.equal(traffic.errors.get('UPSTREAM_TIMEOUT'), 1)
  t.equal(traffic.errors.get('HOST_REJECTED'), 2)
  t.equal([...traffic.errors.values()].reduce((sum, count) => sum + count), 3)
})

test('a replay counts by what came of it', async t => {
  const traffic = new Traffic()
  for (const replay of [undefined, 'responded', 'responded', 'rejected_again', 'failed'] as const) traffic.count(outcomeOf({ replay }))
  t.strictSame([...traffic.replays], [['responded', 2], ['rejected_again', 1], ['failed', 1]])
})
