/**
 * Retries after a rejected token, and the bodies that are kept for them.
 */
import { test } from 'tap'
import { once } from 'node:events'
import http from 'node:http'
import { call } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { json, startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const INVALID = { error: { code: 'COMMON.INVALID_CREDENTIALS', msg: 'no' } }

test('a token that AMSU has rejected is not sent again by requests that queue with it', async t => {
  const authorizations: string[] = []
  let isRevoked = false
  const held: http.ServerResponse[] = []
  const upstream = await startUpstream({
    onRequest ({ headers, url }, res) {
      authorizations.push(String(headers.authorization))
      if (url.endsWith('held')) held.push(res)
      else if (isRevoked && headers.authorization?.includes('upstream-token-1-') === true) json(res, 401, INVALID)
      else res.end('ok')
    },
  })
  const proxy = await startProxy(upstream.origin, { UPSTREAM_MAX_CONNECTIONS: '1' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const first = call(proxy.origin, `${PATH}held`)
  await until(() => held.length === 1)
  const queued = Array.from({ length: 5 }, async () => await call(proxy.origin, PATH, { method: 'POST', body: 'x' }))
  await until(async () => (await call(proxy.origin, '/metrics')).text.includes('amsu_proxy_in_flight_requests 6\n'))
  isRevoked = true
  held[0]?.end('first')
  await first
  for (const { status } of await Promise.all(queued)) t.equal(status, 200)
  t.equal(authorizations.filter(value => value.includes('upstream-token-1-')).length, 2, 'the held one and the first that was refused')
})

test('a request that is sent once more keeps its body in the queue, past the end of its token', async t => {
  const bodies: string[] = []
  const authorizations: string[] = []
  const held: http.ServerResponse[] = []
  const waiting: Array<() => void> = []
  let tokens = 0
  const upstream = await startUpstream({
    onToken (_received, res) {
      const issue = (): void => { json(res, 200, { access_token: `token-${++tokens}-${'x'.repeat(40)}`, token_type: 'bearer', expires_in: tokens === 2 ? 1 : 86_400 }) }
      if (tokens === 1) waiting.push(issue)
      else issue()
    },
    onRequest ({ body, headers, url }, res) {
      if (url.endsWith('held')) { held.push(res); return }
      bodies.push(body.toString())
      authorizations.push(String(headers.authorization).slice(0, 14))
      if (bodies.length === 1) json(res, 401, INVALID)
      else res.end('ok')
    },
  })
  const proxy = await startProxy(upstream.origin, { UPSTREAM_MAX_CONNECTIONS: '1', UPSTREAM_CONNECT_TIMEOUT_MS: '20000' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const post = call(proxy.origin, PATH, { method: 'POST', body: 'the body' })
  await until(() => waiting.length === 1)
  const blocking = call(proxy.origin, `${PATH}held`)
  waiting[0]?.() // both have a token now; whichever is second waits in the queue until the token has ended
  await until(() => held.length === 1)
  await until(() => tokens > 2)
  held[0]?.end()
  await blocking
  t.equal((await post).text, 'ok')
  t.strictSame(bodies, ['the body', 'the body'])
  t.equal(authorizations[0], 'Bearer token-1')
})

test('a kept body is given back when AMSU’s head is there: long responses do not use up the memory for replays', async t => {
  let isRevoked = false
  const upstream = await startUpstream({
    onRequest ({ headers, url }, res) {
      if (url.endsWith('long')) { res.writeHead(200); res.write('the rest takes minutes'); return }
      if (isRevoked && headers.authorization?.includes('upstream-token-1-') === true) json(res, 401, INVALID)
      else res.end('ok')
    },
  })
  const proxy = await startProxy(upstream.origin, { REPLAY_BODY_BYTES: '1000', SHUTDOWN_GRACE_MS: '0' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  await Promise.all(Array.from({ length: 16 }, async () => {
    const req = http.request(`${proxy.origin}${PATH}long`, { method: 'POST', agent: false, headers: { 'content-length': 1_000 } })
    req.on('error', () => {}).end(Buffer.alloc(1_000))
    const [res] = await once(req, 'response') as [http.IncomingMessage]
    res.on('error', () => {}).resume()
  }))
  isRevoked = true
  t.equal((await call(proxy.origin, PATH, { method: 'POST', body: 'x'.repeat(1_000) })).text, 'ok')
})

test('a stop while a new token is awaited gives the client AMSU’s own rejection', async t => {
  let tokens = 0
  const upstream = await startUpstream({
    onToken (_received, res) { if (++tokens === 1) json(res, 200, { access_token: 'x'.repeat(40), token_type: 'bearer', expires_in: 86_400 }) },
    onRequest (_received, res) { json(res, 401, INVALID) },
  })
  const proxy = await startProxy(upstream.origin, { SHUTDOWN_GRACE_MS: '50', TOKEN_WAIT_MS: '20000' })
  t.teardown(upstream.close)
  const refused = call(proxy.origin, PATH, { method: 'POST', body: 'x' })
  await until(() => tokens > 1)
  await proxy.stop()
  t.match(await refused, { status: 401, text: JSON.stringify(INVALID) })
})
