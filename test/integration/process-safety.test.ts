import { test } from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, statSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { call } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { endProgram, MAIN, NODE, startProgram } from '../support/program.ts'
import { CLIENT_ID, CLIENT_SECRET } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

test('SIGHUP without anything to read again, SIGPIPE and SIGUSR2-like noise do not stop the program', async t => {
  const upstream = await startUpstream()
  const program = await startProgram(upstream.origin)
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  for (const signal of ['SIGHUP', 'SIGPIPE', 'SIGHUP'] as const) {
    program.child.kill(signal)
    t.equal((await call(program.origin, PATH)).status, 200, signal)
  }
})

test('a reader of the log who goes away costs lines, never a request', async t => {
  const upstream = await startUpstream()
  const program = await startProgram(upstream.origin)
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  t.equal((await call(program.origin, PATH)).status, 200)
  program.child.stdout?.destroy()
  for (let i = 0; i < 50; i++) t.equal((await call(program.origin, PATH)).status, 200)
  program.child.kill('SIGTERM')
  t.same(await program.exited, { code: 0, signal: null })
})

test('a reader of the log who is stuck does not hold up requests', async t => {
  const upstream = await startUpstream()
  const program = await startProgram(upstream.origin)
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  program.child.stdout?.pause()
  // Far more than a pipe holds.
  for (let i = 0; i < 1_500; i++) t.equal((await call(program.origin, `${PATH}${'x'.repeat(300)}`)).status, 200)
  program.child.stdout?.resume()
})

test('a full disk behind the log does not hold up requests', async t => {
  if (!existsSync('/dev/full')) {
    t.pass('this system has no device that is always full')
    return
  }
  const upstream = await startUpstream()
  const full = openSync('/dev/full', 'w')
  const port = 20_000 + process.pid % 10_000
  const child = spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', '-u', 'NODE_V8_COVERAGE', process.execPath, MAIN], {
    cwd: '/',
    stdio: ['ignore', full, 'ignore'],
    env: { PATH: process.env['PATH'], AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_BASE_URL: upstream.origin, PORT: String(port) },
  })
  const exited = once(child, 'exit')
  t.teardown(async () => { child.kill('SIGKILL'); await exited; closeSync(full); await upstream.close() })
  const origin = `http://127.0.0.1:${port}`
  while ((await call(origin, PATH).catch(() => undefined)) === undefined) await new Promise(resolve => setTimeout(resolve, 50))
  for (let i = 0; i < 20; i++) t.equal((await call(origin, PATH)).status, 200)
  child.kill('SIGTERM')
  t.same(await exited, [0, null])
})

test('a log file that may not grow any more costs lines, neither a request nor the process', async t => {
  const upstream = await startUpstream()
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const log = join(t.testdir(), 'log')
  const child = spawn('/bin/sh', ['-c', `ulimit -f 4; exec ${[...NODE, MAIN].join(' ')} >'${log}'`], {
    env: { PATH: process.env['PATH'], AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_BASE_URL: upstream.origin, PORT: String(port), QUOTA_POLL_SECONDS: '0' },
  })
  const exited = once(child, 'exit')
  t.teardown(async () => { child.kill('SIGKILL'); await exited; await upstream.close() })
  await until(async () => (await call(origin, '/livez').catch(() => undefined))?.status === 200)
  for (let i = 0; i < 50; i++) t.equal((await call(origin, PATH)).status, 200)
  await until(() => statSync(log).size % 512 === 0 && statSync(log).size > 0)
  child.kill('SIGTERM')
  t.same(await exited, [0, null])
})

test('a first scrape while no descriptor is free spoils none of the later ones', async t => {
  const upstream = await startUpstream()
  const port = await freePort()
  const child = spawn(NODE[0], [...NODE.slice(1), MAIN], {
    env: { PATH: process.env['PATH'], AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_BASE_URL: upstream.origin, PORT: String(port), QUOTA_POLL_SECONDS: '0' },
  })
  child.stdout.resume()
  const exited = once(child, 'exit')
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(async () => { agent.destroy(); child.kill('SIGKILL'); await exited; await upstream.close() })
  const origin = `http://127.0.0.1:${port}`
  await until(async () => (await call(origin, '/readyz', { agent }).catch(() => undefined))?.status === 200)
  const limitTo = (descriptors: number): void => { spawnSync('prlimit', [`--pid=${String(child.pid)}`, `--nofile=${descriptors}:`]) }
  limitTo(1)
  const first = await call(origin, '/metrics', { agent })
  t.match(first, { status: 200, text: 'amsu_proxy_build_info' })
  t.match(first.text, /^process_max_fds Nan$/m, 'no descriptor was free')
  limitTo(40)
  await until(async () => /^process_max_fds 40$/m.test((await call(origin, '/metrics', { agent })).text))
})
