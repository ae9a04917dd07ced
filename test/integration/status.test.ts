import { test } from 'tap'
import { createHash } from 'node:crypto'
import { Script } from 'node:vm'
import type { Status } from '../../src/endpoints/status.ts'
import { call } from '../support/client.ts'
import { CLIENT_ID, CLIENT_SECRET, startProxy } from '../support/proxy.ts'
import { startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/hrv/rr-list/'
const JSON_PLEASE = { headers: { accept: 'application/json' } }

test('/status is JSON for programs and a page for people, in their language, and must not be cached', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  await call(proxy.origin, `${PATH}?patient=1`)
  await proxy.untilLogged(1)
  const asJson = await call(proxy.origin, '/status', JSON_PLEASE)
  t.match(asJson.headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store', vary: 'accept, accept-language' })
  t.match(JSON.parse(asJson.text), { state: 'serving', isServing: true, requests: [{ method: 'GET', path: PATH, status: 200, caller: null }], tokenCalls: [{ call: 'credentials', outcome: 'ok' }], firstCall: `curl ${proxy.origin}/amsu-analysis/v2/available-times` })
  const page = await call(proxy.origin, '/status')
  t.match(page.headers, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
  t.match(page.text, '<html lang="en">')
  t.match((await call(proxy.origin, '/status', { headers: { 'accept-language': 'zh-CN,zh;q=0.9' } })).text, '<html lang="zh-CN">')
  t.match(await call(proxy.origin, '/status', { method: 'HEAD' }), { status: 200, text: '', headers: { 'content-type': 'text/html; charset=utf-8' } })
})

test('the policy of the page lets run and look what is in it, and nothing else', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const { headers, text } = await call(proxy.origin, '/status')
  const policy = String(headers['content-security-policy']).split('; ')
  for (const directive of ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'"]) t.ok(policy.includes(directive), directive)
  t.notMatch(policy.join(), /unsafe|\*|https?:/)
  for (const [element, directive] of [['script', 'script-src'], ['style', 'style-src']] as const) {
    const [, content = ''] = new RegExp(`<${element}>([^]*?)</${element}>`).exec(text) ?? []
    t.ok(policy.includes(`${directive} 'sha256-${createHash('sha256').update(content).digest('base64')}'`), directive)
    if (element === 'script') t.doesNotThrow(() => new Script(content))
  }
  t.notMatch(text, /<[a-z]+ [^>]*\bon[a-z]+=|<[a-z]+ [^>]*\bstyle=|javascript:/i, 'nothing inline that the policy would stop')
  t.notMatch(text.replaceAll('http://www.w3.org/2000/svg', '').replace(/<script type="application\/json"[^]*?<\/script>/g, ''), /https?:\/\//, 'nothing from elsewhere')
})

test('what callers send is data on the page, never markup', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  await call(proxy.origin, `${PATH}</script><script>alert(1)</script>`, { headers: { 'x-request-id': '</script><img/src=x>' } })
  await proxy.untilLogged(1)
  const { text } = await call(proxy.origin, '/status')
  t.notMatch(text, /alert\(1\)<\/script>|<img/)
  t.match(text, '\\u003c/script>\\u003cimg/src=x>')
})

test('neither form of /status holds a secret, a query or a body', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { CALLERS: 'app-one:caller-secret-1' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  await call(proxy.origin, `${PATH}?q=query-secret`, { method: 'POST', body: 'body-secret', headers: { authorization: 'Bearer caller-secret-1' } })
  await proxy.untilLogged(1)
  for (const options of [JSON_PLEASE, {}]) {
    const { text } = await call(proxy.origin, '/status', options)
    t.match(text, 'app-one')
    for (const secret of [CLIENT_ID, CLIENT_SECRET, 'caller-secret-1', 'upstream-token', 'upstream-refresh', 'query-secret', 'body-secret']) t.notMatch(text, secret)
  }
})

test('a secret that a caller writes into a path, an id or a Host is masked in both forms of /status, as in the log', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  await call(proxy.origin, `${PATH}${CLIENT_SECRET}/`, { headers: { 'x-request-id': `id-${CLIENT_ID}` } })
  // Here a path is cut in the middle of the secret.
  await call(proxy.origin, `/amsu-analysis/${'x'.repeat(176)}/${CLIENT_SECRET}/`)
  await proxy.untilLogged(2)
  for (const accept of [JSON_PLEASE.headers, {}]) {
    const { status, text } = await call(proxy.origin, '/status', { headers: { ...accept, host: `${CLIENT_SECRET}:80` } })
    t.equal(status, 200)
    t.match(text, '[redacted]')
    for (const secret of [CLIENT_ID, CLIENT_SECRET, CLIENT_SECRET.slice(0, 6)]) t.notMatch(text, secret)
  }
})

test('the state follows the token: starting, then what is wrong', async t => {
  let respond = (_isKnown: boolean): void => {}
  const upstream = await startUpstream({ onToken: (_received, res) => { respond = isKnown => { res.writeHead(isKnown ? 500 : 401).end('{}') } } })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const read = async (): Promise<Status> => JSON.parse((await call(proxy.origin, '/status', JSON_PLEASE)).text) as Status
  t.match(await read(), { state: 'starting', isServing: false })
  while (upstream.tokenCalls.length < 1) await read()
  respond(true)
  while ((await read()).state === 'starting') { /* until the response has arrived */ }
  t.match(await read(), { state: 'token_endpoint_down', isServing: false, token: { failure: 'transient', consecutiveFailures: 1 } })
  while (upstream.tokenCalls.length < 2) await read()
  respond(false)
  while ((await read()).state === 'token_endpoint_down') { /* likewise */ }
  t.match(await read(), { state: 'credentials_rejected', isServing: false, tokenCalls: [{ outcome: 'rejected' }, { outcome: 'transient' }] })
})

test('the reason why there is no token is a code, without any address', async t => {
  const gone = await startUpstream()
  await gone.close()
  // No timer of the proxy keeps a process alive, and its upstream is gone: as in main.ts.
  const keptAlive = setInterval(() => {}, 60_000)
  t.teardown(() => { clearInterval(keptAlive) })
  for (const [settings, failureCode] of [[{}, 'ECONNREFUSED'], [{ AMSU_HTTP_PROXY: `http://proxy-user:proxy-secret@${new URL(gone.origin).host}` }, 'ERR_FORWARD_PROXY']] as const) {
    const proxy = await startProxy(gone.origin, settings)
    const read = async (): Promise<Status> => JSON.parse((await call(proxy.origin, '/status', JSON_PLEASE)).text) as Status
    while ((await read()).state === 'starting') { /* until the call has failed */ }
    t.match(await read(), { state: 'token_endpoint_down', token: { failureCode, failureStatus: null }, clock: { skewSeconds: null, isOff: false } })
    for (const options of [JSON_PLEASE, {}]) t.notMatch((await call(proxy.origin, '/status', options)).text, /proxy-user|proxy-secret/)
    await proxy.stop()
  }
})

test('a clock that differs from that of AMSU’s responses is reported', async t => {
  const upstream = await startUpstream({ onToken: (_received, res) => { res.setHeader('date', new Date(Date.now() - 7_200_000).toUTCString()).writeHead(503).end('{}') } })
  const proxy = await startProxy(upstream.origin)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const read = async (): Promise<Status> => JSON.parse((await call(proxy.origin, '/status', JSON_PLEASE)).text) as Status
  while ((await read()).state === 'starting') { /* until the response has arrived */ }
  const { clock, token } = await read()
  t.equal(clock.isOff, true)
  t.ok(Math.abs(Number(clock.skewSeconds) - 7200) < 30, String(clock.skewSeconds))
  t.match(token, { failureCode: null, failureStatus: 503 })
})

test('on the admin listener /status names the way to the other one, and both guard it against foreign pages', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { ADMIN_PORT: '0' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const admin = String(proxy.adminOrigin)
  t.match(JSON.parse((await call(admin, '/status', JSON_PLEASE)).text), { firstCall: `curl http://127.0.0.1:${proxy.port}/amsu-analysis/v2/available-times` })
  for (const path of ['/status', '/metrics']) {
    t.equal((await call(proxy.origin, path)).status, 404)
    t.equal((await call(admin, path, { headers: { host: 'evil.example' } })).status, 421)
    t.equal((await call(admin, path, { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403)
  }
})
