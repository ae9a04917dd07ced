import { test } from 'tap'
import { isAllowedRoute, parseRoutes } from '../../src/guards/allowed-routes.ts'

test('an entry allows its method and path: * within a segment, ** across, nothing else', async t => {
  const routes = parseRoutes('GET /amsu-analysis/v2/available-times, POST /amsu-analysis/v2/hrv/*/results/,* /amsu-analysis/v3/**,POST   /amsu-analysis/v2/a.b')
  for (const [method, target, isAllowed] of [
    ['GET', '/amsu-analysis/v2/available-times', true],
    ['GET', '/amsu-analysis/v2/available-times?x=/elsewhere', true],
    ['GET', '/amsu-analysis/v2/available-times/', false],
    ['GET', '/amsu-analysis/x/amsu-analysis/v2/available-times', false],
    ['HEAD', '/amsu-analysis/v2/available-times', false],
    ['POST', '/amsu-analysis/v2/hrv/common/results/', true],
    ['POST', '/amsu-analysis/v2/hrv/common/results', false],
    ['POST', '/amsu-analysis/v2/hrv/a/b/results/', false],
    ['DELETE', '/amsu-analysis/v3/a/b/c', true],
    ['DELETE', '/amsu-analysis/v33/a', false],
    ['POST', '/amsu-analysis/v2/axb', false],
    ['POST', '/amsu-analysis/v2/a.b', true],
  ] as const) t.equal(isAllowedRoute(routes ?? [], method, target), isAllowed, `${method} ${target}`)
})

test('a list with an invalid entry is invalid', async t => {
  for (const text of ['', ',', 'GET', 'GET /x', 'get /amsu-analysis/x', 'GET /amsu-analysis/x,', 'GET  ', '/amsu-analysis/x', 'GET /amsu-analysis/a b']) t.equal(parseRoutes(text), undefined, JSON.stringify(text))
})
