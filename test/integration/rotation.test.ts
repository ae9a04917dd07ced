import { test, type Test } from 'tap'
import { spawn } from 'node:child_process'
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { serve } from '../../src/commands/serve.ts'
import { call } from '../support/client.ts'
import { endProgram, startProgram } from '../support/program.ts'
import { CLIENT_ID, startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { json, startUpstream, type Received, type Upstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const OLD = 'old-secret-8d2e71b4'
const NEW = 'new-secret-55c0aa17'
const UNKNOWN = 'unknown-secret-93fb20'

/** Runs inside the program, before it: prints its environment, and that of a child, on request. */
const WITNESS = `
const { execFileSync } = require('node:child_process')
process.on('SIGUSR2', () => { console.log('witness ' + JSON.stringify({ own: process.env, child: execFileSync('/usr/bin/env').toString() })) })
`

interface Amsu extends Upstream {
  /** The secrets AMSU accepts at the moment. */
  readonly accepted: Set<string>
  /** The secrets of the last call, and of each token call. */
  readonly lastSecret: () => string | undefined
  readonly tried: string[]
}

/** An AMSU whose tokens show for which secret they were issued. */
async function startAmsu (t: Test): Promise<Amsu> {
  const accepted = new Set([OLD, NEW])
  const secrets = new Map<string, string>()
  const tried: string[] = []
  let last: string | undefined
  const upstream = await startUpstream({
    onToken: ({ body }: Received, res: ServerResponse) => {
      const secret = String(new URLSearchParams(body.toString()).get('client_secret'))
      tried.push(secret)
      const token = `token-${tried.length}-${'x'.repeat(20)}`
      secrets.set(`Bearer ${token}`, secret)
      if (accepted.has(secret)) json(res, 200, { access_token: token, token_type: 'bearer', expires_in: 86_400 })
      else json(res, 401, { error: { code: 'COMMON.AUTHENTICATION_FAILED', msg: `no such secret: ${secret}` } })
    },
    onRequest: ({ headers }, res) => {
      last = secrets.get(String(headers.authorization))
      res.end('ok')
    },
  })
  t.teardown(upstream.close)
  return { ...upstream, accepted, tried, lastSecret: () => last }
}

/** How a file may come to hold another secret; each is made in a directory of its own. */
const WAYS: Readonly<Record<string, (dir: string) => () => void>> = {
  'written in place': dir => {
    writeFileSync(join(dir, 'secret'), OLD)
    return () => { writeFileSync(join(dir, 'secret'), `${NEW}\n`) }
  },
  'replaced by a rename': dir => {
    writeFileSync(join(dir, 'secret'), OLD)
    return () => {
      writeFileSync(join(dir, 'next'), NEW)
      renameSync(join(dir, 'next'), join(dir, 'secret'))
    }
  },
  'swapped by Kubernetes': dir => {
    for (const [version, secret] of [['1', OLD], ['2', NEW]] as const) {
      mkdirSync(join(dir, `..version-${version}`))
      writeFileSync(join(dir, `..version-${version}`, 'secret'), secret)
    }
    symlinkSync('..version-1', join(dir, '..data'))
    symlinkSync('..data/secret', join(dir, 'secret'))
    return () => {
      symlinkSync('..version-2', join(dir, '..data_tmp'))
      renameSync(join(dir, '..data_tmp'), join(dir, '..data'))
    }
  },
}

test('a new AMSU secret is taken into use without a restart and without a failed request, whatever way its file changes', async t => {
  const parent = t.testdir({})
  await Promise.all(Object.entries(WAYS).map(async ([name, prepare], i) => {
    const dir = join(parent, String(i))
    mkdirSync(dir)
    const change = prepare(dir)
    const amsu = await startAmsu(t)
    const proxy = await startProxy(amsu.origin, { AMSU_CLIENT_SECRET: '', AMSU_CLIENT_SECRET_FILE: join(dir, 'secret') })
    t.teardown(proxy.stop)
    t.equal((await call(proxy.origin, PATH)).status, 200)
    t.equal(amsu.lastSecret(), OLD)
    change()
    await until(async () => {
      const { status } = await call(proxy.origin, PATH, { method: 'POST', body: 'data' })
      if (status !== 200) t.fail(`${name}: ${status}`)
      return amsu.lastSecret() === NEW
    })
    t.same(amsu.tried, [OLD, NEW], name)
    t.notMatch(proxy.lines.join(''), new RegExp(`${OLD}|${NEW}`))
  }))
})

test('a secret that AMSU rejects leaves the old one working, and the log says so without its value', async t => {
  const amsu = await startAmsu(t)
  const file = join(t.testdir({ secret: OLD }), 'secret')
  const proxy = await startProxy(amsu.origin, { AMSU_CLIENT_SECRET: '', AMSU_CLIENT_SECRET_FILE: file })
  t.teardown(proxy.stop)
  t.equal((await call(proxy.origin, PATH)).status, 200)
  writeFileSync(file, UNKNOWN)
  await until(() => proxy.lines.some(line => line.includes('AMSU rejects the new credentials: correct them, the old ones stay in use')))
  t.match(JSON.parse((await call(proxy.origin, '/readyz')).text), { ready: true, reason: 'ok', warnings: ['new_credentials_rejected'] })
  t.equal((await call(proxy.origin, PATH)).status, 200)
  t.match(await call(proxy.origin, '/readyz'), { status: 200, text: '"ready":true' })
  t.equal(amsu.lastSecret(), OLD)
  writeFileSync(file, '')
  await until(() => proxy.lines.some(line => line.includes('AMSU_CLIENT_SECRET_FILE names an empty file')))
  t.equal((await call(proxy.origin, PATH)).status, 200)
  writeFileSync(file, NEW)
  await until(async () => { await call(proxy.origin, PATH); return amsu.lastSecret() === NEW })
  t.same(amsu.tried, [OLD, UNKNOWN, NEW])
  t.notMatch(proxy.lines.join(''), new RegExp(`${OLD}|${NEW}|${UNKNOWN}`))
})

test('reading everything again after a rotation that succeeded sends no secret', async t => {
  const amsu = await startAmsu(t)
  const file = join(t.testdir({ secret: OLD }), 'secret')
  const proxy = await startProxy(amsu.origin, { AMSU_CLIENT_SECRET: '', AMSU_CLIENT_SECRET_FILE: file })
  t.teardown(proxy.stop)
  await until(() => amsu.tried.length === 1)
  writeFileSync(file, NEW)
  await until(() => proxy.lines.some(line => line.includes('new AMSU credentials are in use')))
  for (let i = 0; i < 4; i++) {
    proxy.reload()
    t.equal((await call(proxy.origin, PATH)).status, 200)
  }
  await pause(1_500) // a token call may follow another after a second
  t.same(amsu.tried, [OLD, NEW])
})

test('however many secrets AMSU rejects, the one in use stays hidden', async t => {
  const amsu = await startAmsu(t)
  const file = join(t.testdir({ secret: OLD }), 'secret')
  const proxy = await startProxy(amsu.origin, { AMSU_CLIENT_SECRET: '', AMSU_CLIENT_SECRET_FILE: file })
  t.teardown(proxy.stop)
  for (let i = 1; i <= 5; i++) {
    writeFileSync(file, `${UNKNOWN}-${i}`)
    proxy.reload()
    await until(() => amsu.tried.at(-1) === `${UNKNOWN}-${i}`)
  }
  proxy.lines.length = 0
  await call(proxy.origin, `${PATH}${OLD}`)
  await proxy.untilLogged(1)
  t.notMatch(proxy.lines.join(''), OLD)
})

test('a changed callers file lets new callers in and removed ones out; a broken one changes nothing', async t => {
  const upstream = await startUpstream()
  const file = join(t.testdir({ callers: 'first:first-secret\nleaver:leaver-secret\n' }), 'callers')
  const proxy = await startProxy(upstream.origin, { CALLERS_FILE: file })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const statusOf = async (secret: string): Promise<number> => (await call(proxy.origin, PATH, { headers: { authorization: `Bearer ${secret}` } })).status
  const form = { method: 'POST', body: 'client_id=leaver&client_secret=leaver-secret', headers: { 'content-type': 'application/x-www-form-urlencoded' } }
  const { access_token: placeholder } = JSON.parse((await call(proxy.origin, '/amsu-analysis/v2/token', form)).text) as { access_token: string }
  t.same([await statusOf('first-secret'), await statusOf('leaver-secret'), await statusOf(placeholder), await statusOf('joiner-secret')], [200, 200, 200, 401])

  writeFileSync(file, 'first:first-secret\njoiner:joiner-secret\n')
  await until(async () => await statusOf('joiner-secret') === 200)
  t.same([await statusOf('first-secret'), await statusOf('leaver-secret'), await statusOf(placeholder)], [200, 401, 401])

  writeFileSync(file, 'first:first-secret\nforgotten-colon-secret\n')
  await until(() => proxy.lines.some(line => line.includes('CALLERS_FILE line 2 has no colon')))
  t.same([await statusOf('first-secret'), await statusOf('joiner-secret')], [200, 200])
  t.notMatch(proxy.lines.join(''), /(?:first|leaver|joiner|colon)-secret/)

  writeFileSync(file, '')
  await until(() => proxy.lines.some(line => line.includes('CALLERS_FILE names no caller')))
  t.same([await statusOf('first-secret'), (await call(proxy.origin, PATH)).status], [200, 401], 'an emptied file opens nothing')
})

test('SIGHUP reads everything again, and tries a secret once more that AMSU did not know before', async t => {
  const amsu = await startAmsu(t)
  const dir = t.testdir({ secret: OLD, callers: 'first:first-secret\n' })
  const program = await startProgram(amsu.origin, { AMSU_CLIENT_SECRET: '', AMSU_CLIENT_SECRET_FILE: join(dir, 'secret'), CALLERS_FILE: join(dir, 'callers') })
  t.teardown(async () => { await endProgram(program) })
  const get = async (secret: string): Promise<number> => (await call(program.origin, PATH, { headers: { authorization: `Bearer ${secret}` } })).status
  t.equal(await get('first-secret'), 200)
  writeFileSync(join(dir, 'secret'), UNKNOWN)
  writeFileSync(join(dir, 'callers'), 'second:second-secret\n')
  program.child.kill('SIGHUP')
  await until(() => program.output().includes('AMSU rejects the new credentials'))
  t.same([await get('first-secret'), await get('second-secret')], [401, 200])
  t.equal(amsu.lastSecret(), OLD)
  amsu.accepted.add(UNKNOWN)
  program.child.kill('SIGHUP')
  await until(async () => { await get('second-secret'); return amsu.lastSecret() === UNKNOWN })
  t.equal(program.child.exitCode, null, 'and the program runs on')
  t.notMatch(program.output(), new RegExp(`${OLD}|${UNKNOWN}|first-secret|second-secret`))
})

test('the secrets are taken out of the environment before anything is opened', async t => {
  const environment = { AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: OLD, CALLERS: 'app:caller-secret', AMSU_BASE_URL: 'http://127.0.0.1:9', PORT: '0' }
  const steps: string[] = []
  const keptAlive = setInterval(() => {}, 60_000) // as the program does it
  t.teardown(() => { clearInterval(keptAlive) })
  const exitCode = await serve({
    environment,
    dotenvPath: '/nonexistent/.env',
    nodeVersion: process.version,
    version: () => '0.0.0',
    destination: { write: line => { steps.push(line) }, droppedLines: 0 },
    printError: line => { steps.push(line) },
    untilStopped: async () => 'SIGTERM',
    unsetEnv: names => { steps.push(`forget ${names.join(' ')}`) },
    onReload: () => {},
    onFatal: () => {},
  })
  t.equal(exitCode, 0)
  t.equal(steps[0], 'forget AMSU_CLIENT_ID AMSU_CLIENT_SECRET AMSU_HTTP_PROXY CALLERS')
  t.ok(steps.some(step => step.includes('listens on')))
})

test('neither the running program nor a child of it finds the secrets in its environment', async t => {
  const witness = join(t.testdir({ 'witness.cjs': WITNESS }), 'witness.cjs')
  const main = new URL('../../dist/main.js', import.meta.url).pathname
  const env = { AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: OLD, CALLERS: 'app:caller-secret', AMSU_BASE_URL: 'http://127.0.0.1:9', PORT: '0', WITNESS: 'present' }
  const child = spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', '-u', 'NODE_V8_COVERAGE', process.execPath, '--require', witness, main], { cwd: '/', env })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString() })
  await until(() => output.includes('listens on'))
  child.kill('SIGUSR2')
  await until(() => /witness .*\n/.test(output))
  t.equal(output.split('present').length, 3, 'it looked into both')
  t.match(output, /AMSU_BASE_URL/)
  t.notMatch(output, new RegExp(`AMSU_CLIENT|CALLERS|${CLIENT_ID}|${OLD}|caller-secret`))
})
