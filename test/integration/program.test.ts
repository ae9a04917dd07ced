import { test } from 'tap'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { call, errorCode } from '../support/client.ts'
import { endProgram, runProgram, startProgram } from '../support/program.ts'
import { CLIENT_ID, CLIENT_SECRET } from '../support/proxy.ts'
import { hashBodies, startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

test('wrong usage and wrong configuration end with 2 and say what to do, help and version with 0', async t => {
  t.match(await runProgram(['--help']), { code: 0, stdout: /Usage: amsu-proxy/ })
  t.match(await runProgram(['--version']), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
  t.match(await runProgram(['srve']), { code: 2, stderr: /did you mean serve\?/ })
  t.match(await runProgram(['serve', 'now']), { code: 2, stderr: /takes no arguments/ })
  const { code, stdout, stderr } = await runProgram([], { AMSU_CLIENT_SECRET: 'value-never-shown', PORT: 'value-never-shown', LOG_LEVEL: 'value-never-shown', AMSU_BASE_URL: 'value-never-shown' })
  t.equal(code, 2)
  t.equal(stdout, '')
  for (const name of ['AMSU_CLIENT_ID', 'PORT', 'LOG_LEVEL', 'AMSU_BASE_URL']) t.match(stderr, new RegExp(`${name} must be`))
  t.notMatch(stderr, /value-never-shown/)
})

test('settings are read from .env in the working directory; an address that is taken ends with 1', async t => {
  const taken = net.createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as net.AddressInfo
  const cwd = t.testdir({ '.env': `AMSU_CLIENT_ID=a-client\nAMSU_CLIENT_SECRET=a-secret\nPORT=${port}\nAMSU_BASE_URL=http://127.0.0.1:9\n` })
  t.match(await runProgram(['serve'], {}, cwd), { code: 1, stdout: /EADDRINUSE/ })
})

test('SIGTERM lets the requests in flight finish, ends idle connections at once, and ends with 0', async t => {
  const held: http.ServerResponse[] = []
  const upstream = await startUpstream({ onRequest: ({ url }, res) => { if (url.endsWith('hold')) held.push(res); else res.end('ok') } })
  const program = await startProgram(upstream.origin)
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  const port = Number(new URL(program.origin).port)
  const neverUsed = net.connect(port, '127.0.0.1')
  const keepAlive = new http.Agent({ keepAlive: true })
  t.teardown(() => { keepAlive.destroy() })
  await call(program.origin, PATH, { agent: keepAlive })
  const underWay = call(program.origin, `${PATH}hold`, { method: 'POST', body: 'x' })
  while (held.length === 0) await new Promise(resolve => setTimeout(resolve, 10))
  const idleEnded = once(neverUsed, 'close')
  neverUsed.resume()
  program.child.kill('SIGTERM')
  await idleEnded
  await t.rejects(call(program.origin, PATH), 'no new connection is accepted')
  held[0]?.end('finished')
  const got = await underWay
  t.equal(got.text, 'finished')
  t.equal(got.headers.connection, 'close')
  t.same(await program.exited, { code: 0, signal: null })
})

test('a request that outlasts the grace period gets 504 and has its log line; a second signal does not wait for it', async t => {
  const upstream = await startUpstream({ onRequest: () => {} })
  t.teardown(upstream.close)
  for (const [settings, signals, code, outcome] of [[{ SHUTDOWN_GRACE_MS: '200' }, 1, 0, 'PROXY.UPSTREAM_TIMEOUT'], [{}, 2, 1, 'a cut']] as const) {
    const program = await startProgram(upstream.origin, settings)
    t.teardown(async () => { await endProgram(program) })
    const hanging = call(program.origin, PATH).then(({ text }) => errorCode(text), () => 'a cut')
    const before = upstream.received.length
    while (upstream.received.length === before) await new Promise(resolve => setTimeout(resolve, 10))
    for (let i = 0; i < signals; i++) {
      program.child.kill('SIGINT')
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    t.same(await program.exited, { code, signal: null })
    t.equal(await hanging, outcome)
    t.equal(/"status":504,.*"errorCode":"PROXY.UPSTREAM_TIMEOUT".*"msg":"request"/.test(program.output()), code === 0)
  }
})

test('stopping the process past the end of its token and continuing it fails no request and sends no expired token', async t => {
  let issuedAt = 0
  const stale: string[] = []
  const upstream = await startUpstream({
    lifeSeconds: 2,
    onRequest: (_received, res) => {
      if (performance.now() - issuedAt > 2_000) stale.push('expired')
      res.end('ok')
    },
    onToken: (_received, res) => {
      issuedAt = performance.now()
      res.end(JSON.stringify({ access_token: `token-${issuedAt}`, token_type: 'bearer', expires_in: 2, refresh_token: 'refresh-token-1' }))
    },
  })
  const program = await startProgram(upstream.origin)
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  t.equal((await call(program.origin, PATH)).status, 200)
  program.child.kill('SIGSTOP')
  const waiting = Array.from({ length: 10 }, async () => await call(program.origin, PATH))
  await new Promise(resolve => setTimeout(resolve, 2_500))
  program.child.kill('SIGCONT')
  for (const got of await Promise.all(waiting)) t.equal(got.status, 200)
  t.same(stale, [])
})

test('with the token endpoint down requests wait, then get 503; nothing is forwarded; everything recovers by itself', async t => {
  let isDown = true
  const upstream = await startUpstream({
    onToken: (_received, res) => {
      if (isDown) res.socket?.resetAndDestroy()
      else res.end(JSON.stringify({ access_token: 'token-after-outage', token_type: 'bearer', expires_in: 60 }))
    },
  })
  const program = await startProgram(upstream.origin, { TOKEN_WAIT_MS: '300' })
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  const before = performance.now()
  const got = await call(program.origin, PATH)
  t.ok(performance.now() - before > 280, 'it waited')
  t.equal(got.status, 503)
  t.equal(errorCode(got.text), 'PROXY.TOKEN_UNAVAILABLE')
  t.match(got.headers['retry-after'], /^[1-9]\d*$/)
  t.match(await call(program.origin, '/readyz'), { status: 503, text: '"reason":"starting"' })
  t.equal((await call(program.origin, '/livez')).status, 200)
  t.equal(upstream.received.length, 0)
  isDown = false
  while ((await call(program.origin, PATH)).status !== 200) t.equal(upstream.received.length, 0)
  t.match(await call(program.origin, '/readyz'), { status: 200, text: '"ready":true' })
})

test('rejected credentials are said at once', async t => {
  const upstream = await startUpstream({ onToken: (_received, res) => { res.writeHead(401); res.end('{"error":{"code":"COMMON.AUTHENTICATION_FAILED","msg":"no"}}') } })
  const program = await startProgram(upstream.origin)
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  while (!(await call(program.origin, '/readyz')).text.includes('credentials_rejected')) await new Promise(resolve => setTimeout(resolve, 10))
  const got = await call(program.origin, PATH)
  t.equal(got.status, 503)
  t.equal(errorCode(got.text), 'PROXY.CREDENTIALS_REJECTED')
  while (!program.output().includes('check AMSU_CLIENT_ID and AMSU_CLIENT_SECRET')) await new Promise(resolve => setTimeout(resolve, 10))
  t.notMatch(program.output(), new RegExp(`${CLIENT_SECRET}|${CLIENT_ID}`))
})

test('six uploads of 100 MB at once arrive byte for byte, with and without a length, in less than 150 MB of memory, or 120 where chunks can be freed', async t => {
  const hashes: string[] = []
  const upstream = await startUpstream({ onHead: hashBodies(PATH, hashes) })
  const program = await startProgram(upstream.origin)
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  // What is measured is relaying, not the garbage of having just started.
  for (let i = 0; i < 500; i++) await call(program.origin, '/livez')
  const chunk = randomBytes(1_000_000)
  const expected = createHash('sha1')
  for (let i = 0; i < 100; i++) expected.update(chunk)
  const responses = await Promise.all(Array.from({ length: 6 }, async (_, i) => {
    const req = http.request(`${program.origin}${PATH}`, { method: 'POST', headers: i % 2 === 0 ? { 'content-length': 100_000_000 } : { 'transfer-encoding': 'chunked' } })
    const response = once(req, 'response') as Promise<[http.IncomingMessage]>
    for (let n = 0; n < 100; n++) {
      if (!req.write(chunk)) await once(req, 'drain')
    }
    req.end()
    const [res] = await response
    res.resume()
    return res.statusCode
  }))
  t.same(responses, [200, 200, 200, 200, 200, 200])
  t.same(new Set(hashes), new Set([expected.digest('hex')]))
  t.equal(hashes.length, 6)
  const peak = program.peakMemory()
  t.ok(peak < ('transfer' in ArrayBuffer.prototype ? 120_000_000 : 150_000_000), `peak ${Math.round(peak / 1e6)} MB`)
  t.comment(`peak ${Math.round(peak / 1e6)} MB`)
})

test('SIGUSR1 opens no debugger, and by default the proxy listens on loopback only', async t => {
  const upstream = await startUpstream()
  const program = await startProgram(upstream.origin)
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  t.match(program.origin, /^http:\/\/127\.0\.0\.1:\d+$/)
  program.child.kill('SIGUSR1')
  for (let i = 0; i < 20; i++) t.equal((await call(program.origin, '/livez')).status, 200)
  program.child.kill('SIGTERM')
  t.same(await program.exited, { code: 0, signal: null })
  t.notMatch(program.output(), /debugger|inspector/i)
})
