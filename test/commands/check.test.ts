import { test, type Test } from 'tap'
import type { ServerResponse } from 'node:http'
import { systemClock } from '../../src/clock.ts'
import { check } from '../../src/commands/check.ts'
import { startForwardProxy } from '../support/forward-proxy.ts'
import { CLIENT_ID, CLIENT_SECRET } from '../support/proxy.ts'
import { CA_PATH, startTlsFront } from '../support/tls.ts'
import { json, startTcp, startUpstream, type Received, type Upstream, type UpstreamOptions } from '../support/upstream.ts'

const QUOTAS = { arrhythmia_analysis: 812, hrv_analysis: -1, health_analysis: 77, calorie_analysis: 9 }

/** A step in the output of `--json`. */
interface JsonStep { name: string, status: string, durationMs: number | null, found: string, cause: string | null, advice: string | null, data: Record<string, unknown> }

interface Checked { code: number, text: string, steps: JsonStep[], of: (name: string) => JsonStep | undefined, forgotten: string[] }

/** Runs the command with `--json` and parses the output. */
async function runCheck (environment: Record<string, string>, options: { lookup?: (host: string) => Promise<Array<{ address: string }>>, aheadMs?: number } = {}): Promise<Checked> {
  let text = ''
  const forgotten: string[] = []
  const { aheadMs = 0, ...rest } = options
  const code = await check({
    environment: { AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, ...environment },
    dotenvPath: '/nonexistent/.env',
    clock: { ...systemClock, wall: () => systemClock.wall() + aheadMs },
    isColored: false,
    write: part => { text += part },
    unsetEnv: names => { forgotten.push(...names) },
    ...rest,
  }, true)
  const { ok, steps } = JSON.parse(text) as { ok: boolean, steps: JsonStep[] }
  if (ok !== (code === 0)) throw new Error(`ok is ${String(ok)} and the exit code ${code}`)
  return { code, text, steps, of: name => steps.find(step => step.name === name), forgotten }
}

/** An AMSU with quotas; it refuses a request without its token as AMSU does. */
async function startAmsu (t: Test, options: UpstreamOptions = {}): Promise<Upstream> {
  const upstream: Upstream = await startUpstream({
    onRequest ({ headers }, res) {
      const isKnown = upstream.tokens.some(token => headers.authorization === `Bearer ${token}`)
      if (isKnown) json(res, 200, QUOTAS)
      else json(res, 401, { error: { code: 'COMMON.INVALID_CREDENTIALS', msg: 'no' } })
    },
    ...options,
  })
  t.teardown(upstream.close)
  return upstream
}

function html (res: ServerResponse, status: number): void {
  res.writeHead(status, { 'content-type': 'text/html' }).end(`<html>${CLIENT_SECRET} value-never-shown</html>`)
}

test('everything in order: each step is taken, timed and found well, and no analysis is called', async t => {
  const upstream = await startAmsu(t)
  const { code, steps, text, of, forgotten } = await runCheck({ AMSU_BASE_URL: upstream.origin })
  t.equal(code, 0)
  t.strictSame(steps.map(({ name, status }) => [name, status]), [['configuration', 'ok'], ['dns', 'ok'], ['tcp', 'ok'], ['token', 'ok'], ['refresh_put', 'ok'], ['refresh_post', 'ok'], ['available_times', 'ok']])
  for (const { durationMs, cause, advice } of steps) t.match([durationMs, cause, advice], [Number, null, null])
  t.match(of('token')?.data, { expiresInSeconds: 86_400, hasRefreshToken: true, clockSkewSeconds: Number })
  t.match(of('available_times'), { found: 'left: arrhythmia 812, hrv unlimited, health 77, calorie 9', data: { families: [{ family: 'arrhythmia_analysis', remaining: 812 }, { remaining: -1 }, {}, {}] } })
  t.strictSame(upstream.tokenCalls.map(({ method, url }) => `${method} ${url}`), ['POST /amsu-analysis/v2/token', 'PUT /amsu-analysis/v2/token', 'POST /amsu-analysis/v2/token/refreshment'])
  t.strictSame(upstream.received.map(({ method, url }) => `${method} ${url}`), ['GET /amsu-analysis/v2/available-times'])
  t.ok(forgotten.includes('AMSU_CLIENT_SECRET'))
  for (const secret of [CLIENT_ID, CLIENT_SECRET, ...upstream.tokens]) t.notOk(text.includes(secret))
})

test('people get a line a step, with likely cause and what to do below one that fails, and colours only if wanted', async t => {
  const upstream = await startAmsu(t, { onToken: (_call, res) => { json(res, 401, { error: { code: 'COMMON.AUTHENTICATION_FAILED', msg: 'no' } }) } })
  let text = ''
  const given = { environment: { AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_BASE_URL: upstream.origin }, dotenvPath: '/nonexistent/.env', clock: systemClock, unsetEnv: () => {}, write: (part: string) => { text += part } }
  t.equal(await check({ ...given, isColored: false }, false), 1)
  t.match(text, /^ok {6}configuration +\d+ ms {2}settings are complete.*\nok {6}dns +\d+ ms .*\nok {6}tcp .*\nFAILED {2}token .*\n +likely cause: the ID or the secret is wrong.*\n +what to do: compare AMSU_CLIENT_ID.*\n- {7}refresh put +not tried\n[^]*\nFailed: token\.\n$/)
  t.notMatch(text, '\u001b')
  text = ''
  await check({ ...given, isColored: true }, false)
  t.match(text, '\u001b[31mFAILED ')
})

test('a wrong secret is called that, even when AMSU says it with the secret in its words', async t => {
  const refuse = (_call: Received, res: ServerResponse): void => { json(res, 401, { error: { code: 'COMMON.AUTHENTICATION_FAILED', msg: `no ${CLIENT_SECRET}` } }, { 'x-echo': CLIENT_SECRET }) }
  const upstream = await startAmsu(t, { onToken: refuse })
  const { code, of, text } = await runCheck({ AMSU_BASE_URL: upstream.origin })
  t.equal(code, 1)
  t.match(of('token'), { status: 'failed', found: /AMSU rejects the credentials \(status 401 COMMON.AUTHENTICATION_FAILED\)/, cause: 'the ID or the secret is wrong, or AMSU has revoked it', advice: /AMSU_CLIENT_SECRET/ })
  t.match(of('available_times'), { status: 'not_tried', durationMs: null })
  t.notOk(text.includes(CLIENT_SECRET))
  const careless = await runCheck({ AMSU_BASE_URL: upstream.origin, AMSU_CLIENT_SECRET: `"${CLIENT_SECRET}"` })
  t.match(careless.of('token'), { cause: /begins or ends with a space or a quotation mark/ })
})

test('an unknown name, a port that rejects and a port that is silent have different causes', async t => {
  const silent = await startTcp(() => {})
  t.teardown(silent.close)
  const nowhere = { AMSU_BASE_URL: 'http://amsu.example' }
  const failing = (code: string) => async () => { throw Object.assign(new Error('no'), { code }) }
  t.match((await runCheck(nowhere, { lookup: failing('ENOTFOUND') })).of('dns'), { status: 'failed', found: /amsu.example: the name has no address/, cause: 'the name does not exist', advice: /AMSU_HTTP_PROXY/ })
  t.match((await runCheck(nowhere, { lookup: failing('EAI_AGAIN') })).of('dns'), { cause: /no working DNS/ })
  t.match((await runCheck({ ...nowhere, UPSTREAM_CONNECT_TIMEOUT_MS: '20' }, { lookup: async () => await new Promise(() => {}) })).of('dns'), { cause: /no working DNS/ })
  t.match((await runCheck({ ...nowhere, HTTPS_PROXY: 'http://me:value-never-shown@p' }, { lookup: failing('ENOTFOUND') })).of('dns'), { cause: /HTTP_PROXY or HTTPS_PROXY is set/, advice: /set AMSU_HTTP_PROXY/ })
  const { code, of } = await runCheck({ AMSU_BASE_URL: 'http://127.0.0.1:9' })
  t.equal(code, 1)
  t.match(of('tcp'), { status: 'failed', found: /ECONNREFUSED/, cause: /nothing listens there/ })
  const late = await runCheck({ AMSU_BASE_URL: silent.origin, TOKEN_REQUEST_TIMEOUT_MS: '100' })
  t.match([late.of('tcp'), late.of('token')], [{ status: 'ok' }, { status: 'failed', found: /no response in time/ }])
})

test('a valid certificate is reported with its issuer and its days; one that has expired, is self-signed or is for another name, with its fault', async t => {
  const upstream = await startAmsu(t)
  const front = await startTlsFront(upstream, 'server')
  t.teardown(front.close)
  const settings = { AMSU_BASE_URL: front.origin, AMSU_CA_FILE: CA_PATH }
  const good = await runCheck(settings)
  t.match([good.code, good.of('tls')], [0, { status: 'ok', data: { protocol: 'TLSv1.3', issuer: String, daysLeft: Number, validTo: /^\d{4}-/ } }])
  const soon = await runCheck(settings, { aheadMs: Number(good.of('tls')?.data['daysLeft']) * 86_400_000 - 1 })
  t.match(soon.of('tls'), { status: 'note', advice: /renew/ })
  for (const [name, cause] of [['expired', /has expired/], ['self-signed', /self-signed/], ['wrong-name', /another host name/]] as const) {
    await front.swap(name)
    const { code, of } = await runCheck(settings)
    t.match([code, of('tls'), of('token')], [1, { status: 'failed', cause }, { status: 'not_tried' }], name)
  }
  t.match((await runCheck({ AMSU_BASE_URL: upstream.origin.replace('http:', 'https:') })).of('tls'), { status: 'failed', cause: /does not speak TLS/ })
})

test('a clock that is ahead or behind is noted, and the proxy works all the same', async t => {
  const upstream = await startAmsu(t)
  const ahead = await runCheck({ AMSU_BASE_URL: upstream.origin }, { aheadMs: 7_200_000 })
  t.match([ahead.code, ahead.of('token')], [0, { status: 'note', found: /this clock is (?:2 h|1 h 59 min) ahead of the clock of AMSU/, advice: /set the clock/ }])
  t.match([ahead.of('refresh_put'), ahead.of('refresh_post')], [{ status: 'ok' }, { status: 'ok' }], 'it is said once')
  t.match((await runCheck({ AMSU_BASE_URL: upstream.origin }, { aheadMs: -90_000 })).of('token'), { status: 'note', found: /1 min behind/ })
})

test('a PUT that is refused is a note while the refreshment works; when both fail, so does the check, and the quota is still asked for', async t => {
  const refused: string[] = ['PUT /amsu-analysis/v2/token']
  const response = (call: Received, res: ServerResponse): void => {
    if (refused.includes(`${call.method} ${call.url}`)) html(res, 405)
    else json(res, 200, { access_token: 'given-access', expires_in: 60, refresh_token: 'given-refresh' })
  }
  const upstream = await startAmsu(t, { onToken: response, onRequest: (_call, res) => { json(res, 200, QUOTAS) } })
  const one = await runCheck({ AMSU_BASE_URL: upstream.origin })
  t.match([one.code, one.of('refresh_put'), one.of('refresh_post')], [0, { status: 'note', advice: /renews the token by the other call/ }, { status: 'ok' }])
  refused.push('POST /amsu-analysis/v2/token/refreshment')
  const two = await runCheck({ AMSU_BASE_URL: upstream.origin })
  t.match([two.code, two.of('refresh_put'), two.of('refresh_post'), two.of('available_times')], [1, { status: 'failed' }, { status: 'failed' }, { status: 'ok' }])
  t.notMatch(two.text, /given-access|given-refresh/)
})

test('a quota of 0 is noted, and is a failure when nothing at all is left', async t => {
  let quotas: Record<string, number> = { ...QUOTAS, calorie_analysis: 0 }
  const upstream = await startAmsu(t, { onRequest: (_call, res) => { json(res, 200, quotas) } })
  const some = await runCheck({ AMSU_BASE_URL: upstream.origin })
  t.match([some.code, some.of('available_times')], [0, { status: 'note', cause: 'the quota of calorie_analysis is used up' }])
  quotas = { hrv_analysis: 0, health_analysis: 0 }
  const none = await runCheck({ AMSU_BASE_URL: upstream.origin })
  t.match([none.code, none.of('available_times')], [1, { status: 'failed', advice: /ask AMSU for more/ }])
})

test('any other response of AMSU, or of a server in its place, has its most likely cause, and none of its text is repeated', async t => {
  let token: ((res: ServerResponse) => void) | undefined
  let times: (res: ServerResponse) => void = () => {}
  const good = (res: ServerResponse): void => { json(res, 200, { access_token: 'given-access', expires_in: 60 }) }
  const upstream = await startAmsu(t, { onToken: (_call, res) => { (token ?? good)(res) }, onRequest: (_call, res) => { times(res) } })
  for (const [response, cause] of [
    [(res: ServerResponse) => { html(res, 200) }, /captive portal/],
    [(res: ServerResponse) => { html(res, 401) }, /captive portal/],
    [(res: ServerResponse) => { html(res, 403) }, /captive portal/],
    [(res: ServerResponse) => { html(res, 502) }, /has an outage/],
    [(res: ServerResponse) => { json(res, 404, {}) }, /something other than AMSU/],
    [(res: ServerResponse) => { json(res, 429, {}) }, /too many/],
    [(res: ServerResponse) => { res.writeHead(301, { location: 'https://value-never-shown' }).end() }, /moved, or requires https/],
    [(res: ServerResponse) => { json(res, 200, { access_token: '' }) }, /not respond as documented/],
    [(res: ServerResponse) => { res.socket?.resetAndDestroy() }, /closes the connection/],
  ] as const) {
    token = response
    const { code, of, text } = await runCheck({ AMSU_BASE_URL: upstream.origin })
    t.match([code, of('token')], [1, { status: 'failed', cause, advice: String }])
    t.notMatch(text, /never-shown|html>/)
  }
  token = undefined
  for (const [response, cause] of [
    [(res: ServerResponse) => { json(res, 403, { error: { code: 'COMMON.FORBIDDEN', msg: 'value-never-shown' } }) }, /does not accept its own token/],
    [(res: ServerResponse) => { html(res, 403) }, /captive portal/],
    [(res: ServerResponse) => { json(res, 500, {}) }, /has an outage/],
    [(res: ServerResponse) => { json(res, 200, { other: 'value-never-shown' }) }, /not respond as documented/],
  ] as const) {
    times = response
    const { code, of, text } = await runCheck({ AMSU_BASE_URL: upstream.origin })
    t.match([code, of('refresh_put'), of('available_times')], [1, { status: 'not_tried', found: /no refresh token/ }, { status: 'failed', cause }])
    t.notMatch(text, /never-shown|html>|given-access/)
  }
})

for (const scheme of ['http', 'https'] as const) {
  test(`a forward proxy is a step of its own, for an AMSU at ${scheme}, and what it refuses is its fault and not AMSU’s`, async t => {
    const upstream = await startAmsu(t)
    const front = scheme === 'https' ? await startTlsFront(upstream, 'server') : undefined
    let status: number | undefined
    const forward = await startForwardProxy({ credentials: 'me:forward-pass-61c9', refusal: () => status })
    t.teardown(async () => { await forward.close(); await front?.close() })
    const settings = { AMSU_BASE_URL: (front ?? upstream).origin, AMSU_CA_FILE: CA_PATH, AMSU_HTTP_PROXY: forward.url.replace('//', '//me:forward-pass-61c9@') }
    const good = await runCheck(settings)
    t.match([good.code, good.of('forward_proxy'), good.of('dns'), good.of('token')], [0, { status: 'ok', data: { address: new URL(forward.url).host } }, { status: 'not_tried', found: 'done by the forward proxy' }, { status: 'ok' }])
    for (const [environment, cause] of [
      [{ AMSU_HTTP_PROXY: forward.url }, /requires a user and a password/],
      [{ AMSU_HTTP_PROXY: forward.url.replace('//', '//me:forward-pass-wrong@') }, /does not accept the user and password/],
      [{ AMSU_HTTP_PROXY: 'http://127.0.0.1:9' }, /nothing listens there/],
    ] as const) {
      const { code, of, text } = await runCheck({ ...settings, ...environment })
      t.match([code, of('forward_proxy'), of('token')], [1, { status: 'failed', cause }, { status: 'not_tried' }], String(cause))
      t.notMatch(text, /forward-pass/)
    }
    for (const [refusal, cause] of [[403, /the rules of the forward proxy do not allow/], [502, /cannot reach AMSU/]] as const) {
      status = refusal
      t.match((await runCheck(settings)).of('forward_proxy'), { status: 'failed', cause }, String(refusal))
    }
    t.notMatch(good.text, /forward-pass/)
  })
}

test('a configuration that does not hold is 2, with every problem by name and no value', async t => {
  const { code, steps, text } = await runCheck({ PORT: 'value-never-shown', AMSU_HTTP_PROXY: 'value-never-shown', AMSU_BASE_URL: 'value-never-shown' })
  t.equal(code, 2)
  t.match(steps, [{ name: 'configuration', status: 'failed', data: { problems: [/PORT must be/, /AMSU_BASE_URL must be/, /AMSU_HTTP_PROXY must be/] } }])
  t.equal(steps.length, 1)
  t.notMatch(text, /never-shown/)
})
