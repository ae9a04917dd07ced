/**
 * Proves that the built program reaches an AMSU at http and at https through a real forward proxy, with and without a password, as
 * Debian configures it. Run by run.sh.
 */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check } from '../support/check.ts'
import { call, errorCode } from '../support/client.ts'
import { endProgram, runProgram, startProgram } from '../support/program.ts'
import { CLIENT_ID, CLIENT_SECRET } from '../support/proxy.ts'
import { CA_PATH, startTlsFront } from '../support/tls.ts'
import { json, startUpstream, type Received } from '../support/upstream.ts'
import { startTinyproxy } from './tinyproxy.ts'

const PATH = '/amsu-analysis/v2/hrv/rr-list/?a=%20b'
const HTTPS_PORT = 443

/** With what a URL must escape. tinyproxy takes no more than letters, digits and a few signs. */
const CREDENTIALS = { user: 'ward-7', password: 'forward-pass-61c9' }

type End = () => Promise<void>

interface CheckStep { readonly name: string, readonly status: string, readonly cause: string | null }

/** Runs `check --json` and returns its exit code and steps. */
async function runCheck (settings: Record<string, string>): Promise<{ code: number | null, text: string, step: (name: string) => CheckStep | undefined }> {
  const { code, stdout } = await runProgram(['check', '--json'], { AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, ...settings })
  const { steps } = JSON.parse(stdout) as { steps: CheckStep[] }
  return { code, text: stdout, step: name => steps.find(step => step.name === name) }
}

/** Relays small and large calls, and looks at what arrived and what was said. */
async function relayThrough (scheme: 'http' | 'https', hasPassword: boolean, home: string, ends: End[]): Promise<void> {
  const onRequest = ({ method, url, body }: Received, res: Parameters<typeof json>[0]): void => {
    if (url.endsWith('available-times')) json(res, 200, { hrv_analysis: 7 })
    else json(res, 200, { method, url, hash: createHash('sha256').update(body).digest('hex') })
  }
  const upstream = await startUpstream({ onRequest })
  ends.push(upstream.close)
  const front = scheme === 'https' ? await startTlsFront(upstream, 'server') : undefined
  if (front !== undefined) ends.push(front.close)
  const options = { home, connectPorts: [HTTPS_PORT, ...(front === undefined ? [] : [front.port])], ...(hasPassword ? { credentials: CREDENTIALS } : {}) }
  const forward = await startTinyproxy(options)
  ends.push(forward.end)
  const settings = { AMSU_BASE_URL: (front ?? upstream).origin, AMSU_CA_FILE: CA_PATH, AMSU_HTTP_PROXY: forward.url }

  const checked = await runCheck(settings)
  assert.equal(checked.code, 0, checked.text)
  assert.equal(checked.step('forward_proxy')?.status, 'ok')
  const program = await startProgram(settings.AMSU_BASE_URL, { ...settings, TOKEN_WAIT_MS: '15000' })
  ends.push(async () => { await endProgram(program) })
  for (const [method, bytes] of [['GET', 0], ['POST', 10], ['POST', 20_000_000], ['GET', 0]] as const) {
    const body = randomBytes(bytes)
    const got = await call(program.origin, PATH, { method, body })
    assert.deepEqual([got.status, JSON.parse(got.text)], [200, { method, url: PATH, hash: createHash('sha256').update(body).digest('hex') }])
  }
  const chunked = await call(program.origin, PATH, { method: 'POST', body: 'x'.repeat(100_000), headers: { 'transfer-encoding': 'chunked' } })
  assert.equal((JSON.parse(chunked.text) as { hash: string }).hash, createHash('sha256').update('x'.repeat(100_000)).digest('hex'))
  for (const { headers } of upstream.received) assert.equal(headers['proxy-authorization'], undefined)
  if (scheme === 'http') assert.match(String(upstream.received.at(-1)?.headers.via), /amsu-proxy.*tinyproxy/, 'it went through it')

  await forward.end()
  const unreachable = await call(program.origin, PATH, { method: 'POST', body: 'data' })
  assert.deepEqual([unreachable.status, errorCode(unreachable.text)], [502, 'PROXY.UPSTREAM_UNREACHABLE'])
  const again = await startTinyproxy({ ...options, port: forward.port })
  ends.push(again.end)
  assert.equal((await call(program.origin, PATH)).status, 200, 'and the next call after its return is served')
  for (const secret of [CREDENTIALS.password, CLIENT_SECRET, ...upstream.tokens]) assert.ok(!`${program.output()}${checked.text}`.includes(secret))
}

/** What a forward proxy refuses is told as its refusal. */
async function refusals (home: string, ends: End[]): Promise<void> {
  const upstream = await startUpstream()
  const front = await startTlsFront(upstream, 'server')
  const forward = await startTinyproxy({ home, connectPorts: [HTTPS_PORT], credentials: CREDENTIALS })
  ends.push(upstream.close, front.close, forward.end)
  const bare = `http://127.0.0.1:${forward.port}`
  const wrong = `http://ward-7:wrong@127.0.0.1:${forward.port}`
  for (const [origin, url, cause] of [
    [upstream.origin, bare, /requires a user and a password/],
    [upstream.origin, wrong, /does not accept the user and password/],
    [front.origin, bare, /requires a user and a password/],
    [front.origin, wrong, /does not accept the user and password/],
    [front.origin, forward.url, /the rules of the forward proxy do not allow/], // a port that is not among its ConnectPorts
    ['http://127.0.0.1:9', forward.url, /cannot reach AMSU/],
  ] as const) {
    const { code, step, text } = await runCheck({ AMSU_BASE_URL: origin, AMSU_CA_FILE: CA_PATH, AMSU_HTTP_PROXY: url })
    assert.equal(code, 1)
    assert.match(String(step('forward_proxy')?.cause), cause, text)
  }
  const program = await startProgram(front.origin, { AMSU_CA_FILE: CA_PATH, AMSU_HTTP_PROXY: wrong, TOKEN_WAIT_MS: '200' })
  ends.push(async () => { await endProgram(program) })
  assert.equal(errorCode((await call(program.origin, PATH)).text), 'PROXY.TOKEN_UNAVAILABLE')
  assert.equal(upstream.tokenCalls.length, 0)
}

/** Gives a check a folder, and ends what it has started. */
async function withHome (body: (home: string, ends: End[]) => Promise<void>): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'amsu-proxy-forward-'))
  const ends: End[] = []
  try {
    await body(home, ends)
  } finally {
    for (const end of ends.reverse()) await end()
    await rm(home, { recursive: true, force: true })
  }
}

for (const scheme of ['http', 'https'] as const) {
  for (const hasPassword of [false, true]) {
    const title = `AMSU at ${scheme}, ${hasPassword ? 'with' : 'without'} a password`
    await check(title, async () => { await withHome(async (home, ends) => { await relayThrough(scheme, hasPassword, home, ends) }) })
  }
}
await check('what it rejects', async () => { await withHome(refusals) })
