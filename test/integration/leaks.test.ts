import { test, type Test } from 'tap'
import { inspect } from 'node:util'
import { errorBody, errorHeaders, errorTable, ProxyError, type ErrorCode } from '../../src/errors.ts'
import { createLogger } from '../../src/logging/logger.ts'
import { createMasker } from '../../src/secrets/masker.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { call } from '../support/client.ts'
import { CLIENT_ID, CLIENT_SECRET, startProxy } from '../support/proxy.ts'
import { reachableTexts } from '../support/reachable.ts'
import { pemPath, readPair, trustingAgent } from '../support/tls.ts'
import { json, startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const CALLER_SECRET = 'caller-secret-77af02'
const ACCESS = 'access-token-of-the-run-1234567890'
const REFRESH = 'refresh-token-of-the-run-1234567890'
const SECRETS = [CLIENT_ID, CLIENT_SECRET, CALLER_SECRET, ACCESS, REFRESH]
const AUTHORIZED = { authorization: `Bearer ${CALLER_SECRET}` }

/** Each secret as it may be written: raw, and in base64 at any offset of a longer text. */
const FORMS = SECRETS.flatMap(secret => [secret, ...[0, 1, 2].map(offset => Buffer.from('x'.repeat(offset) + secret).toString('base64').slice(offset === 0 ? 0 : offset + 1, -4))])

function leaksIn (text: string): string[] {
  return FORMS.filter(form => text.includes(form))
}

async function setUp (t: Test) {
  const upstream = await startUpstream({ onToken: (_call, res) => { json(res, 200, { access_token: ACCESS, token_type: 'bearer', expires_in: 86_400, refresh_token: REFRESH }) } })
  const proxy = await startProxy(upstream.origin, { CALLERS: `app:${CALLER_SECRET}`, ADMIN_PORT: '0' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  return { upstream, proxy }
}

test('neither printing the app nor walking everything reachable from it finds a secret', async t => {
  const { proxy } = await setUp(t)
  t.equal((await call(proxy.origin, PATH, { headers: AUTHORIZED })).status, 200)
  t.equal((await call(proxy.origin, PATH, { method: 'POST', body: 'x', headers: AUTHORIZED })).status, 200)
  const inside = [proxy.servers, proxy.servers.flatMap(({ listener }) => listener.servers)]
  const printed = inspect(inside, { depth: 20, showHidden: true, maxArrayLength: 10_000, maxStringLength: 1e6 })
  t.ok(printed.length > 50_000, `${printed.length} characters to search`)
  t.same(leaksIn(printed), [])
  const texts = reachableTexts(inside)
  t.ok(texts.length > 10_000, `${texts.length} texts to search`)
  t.same([...new Set(texts.flatMap(leaksIn))], [])
})

test('the key of the certificate cannot be found either, before and after it has been read again', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { TLS_CERT_FILE: pemPath('server.pem'), TLS_KEY_FILE: pemPath('server-key.pem') })
  const agent = trustingAgent()
  t.teardown(async () => { agent.destroy(); await proxy.stop(); await upstream.close() })
  const keyLines = readPair('server').key.split('\n').filter(line => line.length > 30)
  t.ok(keyLines.length > 0)
  for (const when of ['before', 'after']) {
    t.equal((await call(proxy.origin, PATH, { agent })).status, 200, when)
    const inside = [proxy.servers, proxy.servers.flatMap(({ listener }) => listener.servers)]
    const texts = [inspect(inside, { depth: 20, showHidden: true, maxStringLength: 1e6 }), ...reachableTexts(inside)]
    t.ok(texts.some(text => text.includes('BEGIN CERTIFICATE')), 'the certificate beside it is found')
    for (const line of [...keyLines, 'PRIVATE KEY']) t.notOk(texts.some(text => text.includes(line)), when)
    proxy.reload()
  }
})

test('no endpoint and no error contains a secret', async t => {
  const { proxy } = await setUp(t)
  const said: string[] = []
  for (const [origin, path] of [[proxy.origin, PATH], [proxy.origin, '/nowhere'], [proxy.origin, '/amsu-analysis/v2/token'], [proxy.origin, '/amsu-analysis/v2/token/refreshment'], [proxy.adminOrigin, '/livez'], [proxy.adminOrigin, '/readyz'], [proxy.adminOrigin, '/metrics'], [proxy.adminOrigin, '/status'], [proxy.adminOrigin, PATH]] as const) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
      for (const headers of [{}, { accept: 'application/json' }, { authorization: `Bearer ${CALLER_SECRET}x` }, { origin: 'https://evil.example' }, { host: 'evil.example' }]) {
        for (const body of ['', `client_id=app&client_secret=${CALLER_SECRET}`, `client_id=app&client_secret=${CALLER_SECRET}x`, `refresh_token=${REFRESH}`]) {
          const got = await call(String(origin), path, { method, headers: { ...headers, 'content-length': body.length }, body })
          said.push(got.text, got.rawHeaders.join('\n'))
        }
      }
    }
  }
  const cause = new Error(SECRETS.join(' '), { cause: SECRETS })
  for (const code of Object.keys(errorTable) as ErrorCode[]) said.push(...errorHeaders(new ProxyError(code, { cause }), 'id'), errorBody(new ProxyError(code)), new ProxyError(code, { cause }).message)
  t.same(leaksIn(said.join('\n')), [])
  t.same(leaksIn(proxy.lines.join('')), [])
})

test('every level of the log, every field, and errors from anywhere are masked', async t => {
  const lines: string[] = []
  const masker = createMasker()
  SECRETS.forEach((secret, i) => { masker.add(`secret ${i}`, new Secret(secret)) })
  const log = createLogger({ level: 'trace', masker, destination: { write: line => lines.push(line) } })
  const everything = SECRETS.join(' ')
  const error = Object.assign(new Error(everything, { cause: new Error(everything) }), { data: everything, code: everything })
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) {
    log[level](everything)
    log[level]({ [everything]: everything, nested: { list: [everything] }, err: error, basic: `Basic ${Buffer.from(`app:${CALLER_SECRET}`).toString('base64')}` }, everything)
    log.child({ everything })[level]('child')
    log[level]('%s %o %j', everything, { everything }, [encodeURIComponent(everything)])
  }
  t.equal(lines.length, 24)
  t.same(leaksIn(lines.join('')), [])
  t.ok(lines.every(line => typeof JSON.parse(line) === 'object'))
})
