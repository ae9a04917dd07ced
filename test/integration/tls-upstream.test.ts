import { test } from 'tap'
import { join } from 'node:path'
import { call, errorCode } from '../support/client.ts'
import { endProgram, runProgram, startProgram } from '../support/program.ts'
import { CLIENT_ID, CLIENT_SECRET, startProxy } from '../support/proxy.ts'
import { CA, CA_PATH, pemPath, readPair, startTlsFront, type PairName } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

/** Certificates that must be rejected, and the error code of OpenSSL or Node.js for each. */
const FAULTS: ReadonlyArray<readonly [PairName, string]> = [
  ['self-signed', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ['wrong-name', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['expired', 'CERT_HAS_EXPIRED'],
]

for (const [name, code] of FAULTS) {
  test(`CVE-2026-107318: to an AMSU with a ${name} certificate no secret is sent, and so no token is had`, async t => {
    const upstream = await startUpstream()
    const front = await startTlsFront(upstream, name)
    const proxy = await startProxy(front.origin, { AMSU_CA_FILE: CA_PATH, TOKEN_WAIT_MS: '200' })
    t.teardown(async () => { await proxy.stop(); await front.close(); await upstream.close() })
    const got = await call(proxy.origin, PATH, { method: 'POST', body: 'data' })
    t.equal(got.status, 503)
    t.equal(errorCode(got.text), 'PROXY.TOKEN_UNAVAILABLE')
    t.ok(front.connections() > 0, 'it was tried')
    t.equal(front.text(), '', 'not one byte went through')
    t.match(proxy.lines.join(''), code)
  })

  test(`CVE-2026-107318: with a token in hand, a call to an AMSU that now has a ${name} certificate gets 502 and not one byte of it is sent`, async t => {
    const upstream = await startUpstream()
    const front = await startTlsFront(upstream, 'server')
    const proxy = await startProxy(front.origin, { AMSU_CA_FILE: CA_PATH })
    t.teardown(async () => { await proxy.stop(); await front.close(); await upstream.close() })
    t.equal((await call(proxy.origin, PATH)).status, 200)
    await front.swap(name)
    const before = front.text()
    const connections = front.connections()
    for (const method of ['GET', 'POST']) {
      const got = await call(proxy.origin, PATH, { method, body: method === 'POST' ? 'data' : '' })
      t.equal(got.status, 502, method)
      t.equal(errorCode(got.text), 'PROXY.UPSTREAM_UNREACHABLE', method)
      t.notMatch(got.text, /certificate|127\.0\.0\.1/i, 'the response says nothing of it')
    }
    t.ok(front.connections() > connections, 'it was tried')
    t.equal(front.text(), before)
    t.equal(upstream.received.length, 1)
    t.match(proxy.accessLines().at(-1), { errorCode: 'PROXY.UPSTREAM_UNREACHABLE', cause: { code } })
    await front.swap('second')
    t.equal((await call(proxy.origin, PATH)).status, 200, 'a good certificate mends it')
  })
}

test('an unknown authority is not trusted; AMSU_CA_FILE adds it, for tokens and calls, by name and by address', async t => {
  const upstream = await startUpstream()
  const front = await startTlsFront(upstream, 'server')
  t.teardown(async () => { await front.close(); await upstream.close() })
  const strict = await startProxy(front.origin, { TOKEN_WAIT_MS: '200' })
  t.equal((await call(strict.origin, PATH)).status, 503)
  t.equal(front.text(), '')
  await strict.stop()
  const bundle = join(t.testdir({ 'bundle.pem': `# two of them\n${readPair('self-signed').cert}${CA}` }), 'bundle.pem')
  for (const file of [CA_PATH, bundle]) {
    for (const origin of [front.origin, `https://localhost:${front.port}`]) {
      const proxy = await startProxy(origin, { AMSU_CA_FILE: file })
      t.match(await call(proxy.origin, PATH, { method: 'POST', body: 'data' }), { status: 200, text: '"bytes":4' }, origin)
      t.equal(upstream.received.at(-1)?.headers.host, new URL(origin).host)
      await proxy.stop()
    }
  }
})

test('a self-signed certificate is trusted when AMSU_CA_FILE names it', async t => {
  const upstream = await startUpstream()
  const front = await startTlsFront(upstream, 'self-signed')
  const proxy = await startProxy(front.origin, { AMSU_CA_FILE: pemPath('self-signed.pem') })
  t.teardown(async () => { await proxy.stop(); await front.close(); await upstream.close() })
  t.equal((await call(proxy.origin, PATH)).status, 200)
})

test('NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch verification off', async t => {
  const upstream = await startUpstream()
  t.teardown(upstream.close)
  for (const [name] of FAULTS) {
    const front = await startTlsFront(upstream, name)
    const program = await startProgram(front.origin, { NODE_TLS_REJECT_UNAUTHORIZED: '0', AMSU_CA_FILE: CA_PATH, TOKEN_WAIT_MS: '200' })
    t.teardown(async () => { await endProgram(program); await front.close() })
    t.equal((await call(program.origin, PATH)).status, 503, name)
    await until(() => front.connections() > 0)
    t.equal(front.text(), '', name)
    t.notMatch(program.output(), new RegExp(`${CLIENT_ID}|${CLIENT_SECRET}`))
  }
})

test('an AMSU_CA_FILE that holds no certificate ends with 2 and is named', async t => {
  const credentials = { AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_BASE_URL: 'https://127.0.0.1:9' }
  const dir = t.testdir({ text: 'value-never-shown', empty: '', directory: {} })
  for (const [file, problem] of [
    [join(dir, 'text'), /AMSU_CA_FILE must be the path of a readable file of PEM certificates/],
    [pemPath('server-key.pem'), /AMSU_CA_FILE must be the path of a readable file of PEM certificates/],
    [join(dir, 'empty'), /AMSU_CA_FILE names an empty file/],
    [join(dir, 'missing'), /AMSU_CA_FILE cannot be read \(ENOENT\)/],
    [join(dir, 'directory'), /AMSU_CA_FILE is a directory, not a regular file: \/.*directory/],
  ] as const) {
    const { code, stderr } = await runProgram([], { ...credentials, AMSU_CA_FILE: file })
    t.equal(code, 2)
    t.match(stderr, problem)
    t.notMatch(stderr, /value-never-shown|PRIVATE KEY/)
  }
})

test('an AMSU_CA_FILE whose certificate is broken ends with 2 and is named', async t => {
  const file = join(t.testdir({ 'broken.pem': `${CA}-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n` }), 'broken.pem')
  t.match(await runProgram([], { AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_CA_FILE: file }), { code: 2, stderr: /AMSU_CA_FILE must be/ })
})
