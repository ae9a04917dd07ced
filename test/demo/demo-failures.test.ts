import { test } from 'tap'
import { simulatorDefaults, startSimulator } from '../simulator/simulator.ts'
import { createLegacyApp } from './legacy-app.ts'
import { startProxy } from './proxy-process.ts'
import type { Screen } from './screen.ts'
import { createCalls, timesCall } from './calls.ts'
import { showCall, showSearch } from './steps.ts'
import type { Show } from './steps.ts'
import { layWire } from './wire.ts'

const { signal } = new AbortController()

/** A stage like the demo's, on which things can be made to go wrong. */
async function setUp (t: Tap) {
  const simulator = await startSimulator()
  t.after(() => simulator.close())
  const { clientId, clientSecret } = simulatorDefaults
  const wire = await layWire(simulator.origin, { 'client id': clientId, 'client secret': clientSecret })
  t.after(() => wire.close())
  const proxy = await startProxy({ AMSU_CLIENT_ID: clientId, AMSU_CLIENT_SECRET: clientSecret, AMSU_BASE_URL: wire.origin, PORT: '0', QUOTA_POLL_SECONDS: '0' }, t.testdir(), signal)
  t.after(() => proxy.stop())
  const baseUrl = `${proxy.address}/amsu-analysis/v2`
  const lines: string[] = []
  const screen: Screen = { say: line => { lines.push(line ?? '') }, paint: (_style, text) => text, bar: () => '', during: (_describe, work) => work }
  const show: Show = { stage: { simulator, wire, proxy, recordingPath: '' }, screen, signal, baseUrl, app: createLegacyApp(baseUrl), steps: 2, step: 0 }
  return { show, simulator, wire, proxy, lines }
}

interface Tap {
  after: (end: () => Promise<void>) => unknown
  testdir: () => string
}

await test('a step fails, and says how, when AMSU responds with an error or with no JSON', async t => {
  const { show, simulator } = await setUp(t)
  simulator.faults.status = 503
  await t.rejects(showCall(show, timesCall), { message: /^step 1 failed: status 503, not JSON: <html>/ })
  delete simulator.faults.status
  const [, , , , calories] = createCalls(import.meta.filename)
  await t.rejects(showCall(show, { ...calories!, request: { method: 'POST', path: '/calorie/running/results/', body: { json: {} } } }), { message: /^step 2 failed: status 422 COMMON\.INVALID_PARAMETER: / })
})

await test('a step fails when the proxy is no more', async t => {
  const { show, proxy } = await setUp(t)
  await proxy.stop()
  await t.rejects(showCall(show, timesCall), { message: 'step 1 failed: the proxy ended with exit code 0' })
})

await test('a secret on the app\'s side fails the search', async t => {
  const { show, wire } = await setUp(t)
  await showCall(show, timesCall)
  const [token] = [...wire.secrets].find(([, name]) => name === 'access token 1')!
  await show.app.call({ method: 'GET', path: `/available-times?token=${token}` }, signal)
  await t.rejects(showSearch(show), { message: 'step 2 failed: found: access token 1 in the app\'s requests' })
})

await test('a search that does not know all tokens fails', async t => {
  const { show, simulator } = await setUp(t)
  await showCall(show, timesCall)
  Object.defineProperty(simulator, 'issueCount', { value: 2 })
  await t.rejects(showSearch(show), { message: /the demo knows 2 tokens of 4/ })
})

await test('a proxy that is not configured does not start, and says why', async t => {
  await t.rejects(startProxy({ PORT: '0' }, t.testdir(), signal), { message: 'the proxy ended with exit code 2', log: /AMSU_CLIENT_ID/ })
})
