/**
 * Proves that apps built like the vendor's four client snippets, and a script on curl, run through the proxy with nothing changed but base URL and credentials:
 * each makes all its calls straight to AMSU's stand-in first, and must get the same responses through the proxy. Run by run.sh.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simulatorDefaults } from '../simulator/simulator.ts'
import type { Simulator } from '../simulator/simulator.ts'
import { placeBeats, synthesizeEcg } from '../simulator/synthetic-ecg.ts'
import { check } from '../support/check.ts'
import { call, errorCode } from '../support/client.ts'
import { knownApps, runApp } from './apps.ts'
import type { App, AppEnvironment, AppRun, Step, StepName } from './apps.ts'
import { setBareStage, setProxyStage } from './stage.ts'
import type { Stage, Undo } from './stage.ts'

/** 70 minutes, 2.1 MB: enough for curl to wait for 100 Continue, and more than any buffer on the way holds. */
const ecgOptions = { minutes: 70 }
/** Calls that hand out tokens. */
const tokenSteps = ['token', 'renewal', 'refreshment'] as const
/** Calls whose responses must be the same through the proxy. */
const relayedSteps = ['times', 'redirect', 'calorie', 'rr-list', 'bad field'] as const

/** A way to run the proxy, and what the apps must notice of it. */
interface Mode {
  name: string
  settings: Record<string, string>
  clientId: string
  clientSecret: string
  /** Whether callers must show who they are. */
  isGuarded: boolean
}

const modes: readonly Mode[] = [
  { name: 'open access', settings: {}, clientId: 'any-app', clientSecret: 'any-secret-1', isGuarded: false },
  { name: 'CALLERS', settings: { CALLERS: 'legacy-app:local-secret-1' }, clientId: 'legacy-app', clientSecret: 'local-secret-1', isGuarded: true },
]

/** Runs everything; `home` is a folder for a while. */
async function runSuite (apps: readonly App[], home: string): Promise<void> {
  const ecg = synthesizeEcg(ecgOptions)
  const ecgPath = join(home, 'recording.ecg')
  await writeFile(ecgPath, ecg)
  const run = async (app: App, { baseUrl, simulator }: Stage, clientId: string, clientSecret: string): Promise<AppRun> => {
    const told: AppEnvironment = { BASE_URL: baseUrl, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret, ECG_FILE: ecgPath }
    const appRun = await runApp(app, told, home)
    assert.equal(simulator.record.uploads.lastSha256, createHash('sha256').update(ecg).digest('hex'), 'the recording arrives as it was sent')
    if (app.command === 'bash') assert.match(appRun.stderr, /< HTTP\/1\.1 100 Continue/, 'curl is told to go on before it uploads')
    return appRun
  }

  const originals = new Map<App, AppRun>()
  await withStage(setBareStage, async stage => {
    for (const app of apps) {
      await check(`straight to AMSU: ${app.name}`, async () => {
        const original = await run(app, stage, simulatorDefaults.clientId, simulatorDefaults.clientSecret)
        assertOriginal(original)
        assert.equal(stage.simulator.record.lastHeaders.cookie !== undefined, app.command === 'bash', 'curl alone brings a cookie')
        originals.set(app, original)
      })
    }
  })
  for (const mode of modes) {
    await withStage(undo => setProxyStage(mode.settings, undo), async stage => {
      const tokens: string[] = []
      for (const app of apps) {
        await check(`${mode.name}: ${app.name}`, async () => {
          const original = originals.get(app)
          assert.ok(original !== undefined, 'it must work without the proxy first')
          const appRun = await run(app, stage, mode.clientId, mode.clientSecret)
          assertSameResponses(appRun, original)
          assertProbes(appRun, mode)
          assert.equal(stage.simulator.record.lastHeaders.cookie, undefined, 'cookies stay here')
          assert.match(String(stage.simulator.record.lastHeaders.via), /amsu-proxy/)
          tokens.push(...tokensOf(appRun))
        })
      }
      await check(`${mode.name}: AMSU's secrets stay with the proxy, and the apps' with the apps`, async () => {
        const said = stage.log()
        for (const [secret, name] of stage.secrets) assert.ok(!said.includes(secret), `the log does not hold AMSU's ${name}`)
        for (const secret of [mode.clientSecret, ...tokens]) assert.ok(!said.includes(secret), 'the log does not hold what the apps use')
        assert.deepEqual(stage.leaked(), [], 'no secret of AMSU goes by on the side of the apps')
        assertTraffic(stage.simulator, apps.length, mode)
        await assertWorthless(tokens, stage.simulator)
      })
    })
  }
}

/** Checks what an app gets without the proxy, so that the comparison means something. */
function assertOriginal (original: AppRun): void {
  const beats = placeBeats(ecgOptions).length
  for (const step of tokenSteps) assertTokens(stepOf(original, step))
  assert.deepEqual(Object.keys(bodyOf(original, 'times', 200)).sort(), ['arrhythmia_analysis', 'calorie_analysis', 'health_analysis', 'hrv_analysis'])
  assert.deepEqual(bodyOf(original, 'redirect', 200), bodyOf(original, 'times', 200))
  assert.equal(typeof bodyOf(original, 'calorie', 200)['burning_rate'], 'number')
  assert.equal((bodyOf(original, 'rr-list', 200)['rr_list'] as number[]).length, beats - 1)
  assertRefusal(stepOf(original, 'bad field'), 422, 'COMMON.INVALID_PARAMETER')
  assertRefusal(stepOf(original, 'no authorization'), 401, 'COMMON.INVALID_CREDENTIALS')
  assertRefusal(stepOf(original, 'wrong secret'), 401, 'COMMON.AUTHENTICATION_FAILED')
}

function assertSameResponses (appRun: AppRun, original: AppRun): void {
  for (const step of tokenSteps) assertTokens(stepOf(appRun, step))
  for (const step of relayedSteps) assert.deepEqual(stepOf(appRun, step), stepOf(original, step))
}

/** Checks the two calls of every app that CALLERS must refuse and that open access lets pass. */
function assertProbes (appRun: AppRun, { isGuarded }: Mode): void {
  if (isGuarded) {
    assertRefusal(stepOf(appRun, 'no authorization'), 401, 'PROXY.CALLER_UNAUTHENTICATED')
    assertRefusal(stepOf(appRun, 'wrong secret'), 401, 'COMMON.AUTHENTICATION_FAILED')
  } else {
    const calories = bodyOf(appRun, 'times', 200)['calorie_analysis'] as number
    assert.equal(bodyOf(appRun, 'no authorization', 200)['calorie_analysis'], calories - 1, 'the one good call was charged, once')
    assertTokens(stepOf(appRun, 'wrong secret'))
  }
}

/** Checks what AMSU has seen of all apps: no token call but the proxy's own, every other call once, and each with a good token. */
function assertTraffic ({ record, issueCount }: Simulator, appCount: number, { isGuarded }: Mode): void {
  assert.equal(record.badBearers, 0, 'every request carries the real token')
  assert.equal(issueCount, 1, 'the proxy got one token for all')
  const made = Object.fromEntries(Object.entries(record.calls).filter(([, count]) => count > 0))
  assert.deepEqual(made, {
    'POST /token': 1,
    'GET /available-times': (isGuarded ? 2 : 3) * appCount,
    'POST /calorie/running/results/': 2 * appCount,
    'POST /hrv/rr-list/': appCount,
  })
}

/** Checks that AMSU takes none of the tokens that the apps were given. */
async function assertWorthless (tokens: readonly string[], { origin }: Simulator): Promise<void> {
  assert.ok(tokens.length > 0, 'the apps got tokens')
  for (const token of tokens) {
    const times = await call(origin, '/amsu-analysis/v2/available-times', { headers: { authorization: `Bearer ${token}` } })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const renewal = await call(origin, '/amsu-analysis/v2/token', { method: 'PUT', headers, body: `refresh_token=${encodeURIComponent(token)}` })
    for (const { status, text } of [times, renewal]) assert.deepEqual([status, errorCode(text)], [401, 'COMMON.INVALID_CREDENTIALS'])
  }
}

function assertTokens ({ step, status, body }: Step): void {
  assert.equal(status, 200, `${step}: ${JSON.stringify(body)}`)
  const { access_token: access, token_type: type, expires_in: life, refresh_token: refresh, ...rest } = body as Record<string, unknown>
  assert.deepEqual({ type, life, rest }, { type: 'bearer', life: 86_400, rest: {} }, `${step} has AMSU's shape`)
  for (const token of [access, refresh]) assert.match(String(token), /^[\x21-\x7e]+$/, `${step} has tokens of visible characters`)
  assert.notEqual(access, refresh)
}

function assertRefusal ({ step, status, body }: Step, expectedStatus: number, code: string): void {
  const { error, ...rest } = body as { error?: { code?: unknown, msg?: unknown } }
  assert.deepEqual({ step, status, code: error?.code, rest }, { step, status: expectedStatus, code, rest: {} })
  assert.deepEqual(Object.keys(error ?? {}).sort(), ['code', 'msg'])
  assert.equal(typeof error?.msg, 'string')
}

function tokensOf (appRun: AppRun): string[] {
  return tokenSteps.flatMap(step => {
    const body = bodyOf(appRun, step, 200)
    return [String(body['access_token']), String(body['refresh_token'])]
  })
}

function bodyOf (appRun: AppRun, name: StepName, expectedStatus: number): Record<string, unknown> {
  const { status, body } = stepOf(appRun, name)
  assert.equal(status, expectedStatus, `${name}: ${JSON.stringify(body)}`)
  return body as Record<string, unknown>
}

function stepOf (appRun: AppRun, name: StepName): Step {
  return appRun.steps.get(name)!
}

/** Starts a stage, uses it, and stops it in any case. */
async function withStage<S extends Stage> (set: (undo: Undo) => Promise<S>, use: (stage: S) => Promise<void>): Promise<void> {
  const ends: Array<() => Promise<void>> = []
  try {
    await use(await set(end => { ends.push(end) }))
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

const [classpath, nsurlsessionApp] = process.argv.slice(2)
if (classpath === undefined || nsurlsessionApp === undefined) throw new Error('usage: clients.suite.ts CLASSPATH NSURLSESSION_APP; run.sh knows what')
const home = await mkdtemp(join(tmpdir(), 'amsu-proxy-clients-'))
try {
  await runSuite(knownApps(classpath, nsurlsessionApp), home)
} finally {
  await rm(home, { recursive: true, force: true })
}
