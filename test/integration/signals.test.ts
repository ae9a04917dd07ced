/**
 * Signals from the first moment of the process on, run directly, by npm, or as process 1.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, truncateSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'tap'
import { call } from '../support/client.ts'
import { endProgram, MAIN, NODE, runProgram, startProgram } from '../support/program.ts'
import { CLIENT_ID, CLIENT_SECRET } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const ENVIRONMENT = { PATH: process.env['PATH'], AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_BASE_URL: 'http://127.0.0.1:9', PORT: '0', QUOTA_POLL_SECONDS: '0' }

/** The listener for SIGXFSZ is the last one that is set before anything is loaded. `then` runs at that moment, in the program. */
const atFirst = (then: string): string => `--import=data:text/javascript,process.on("newListener",name=>{if(name==="SIGXFSZ"){${then}}})`

function spawnProgram (nodeOptions: readonly string[], args: readonly string[] = [], before: readonly string[] = [], environment: Record<string, string> = {}): ChildProcess {
  const [command = '', ...rest] = [...before, ...NODE, ...nodeOptions, MAIN, ...args]
  return spawn(command, rest, { cwd: '/', env: { ...ENVIRONMENT, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
}

test('a signal that comes before anything is loaded ends the proxy with 0', async t => {
  for (const signals of [['SIGTERM'], ['SIGINT'], ['SIGHUP', 'SIGTERM']]) {
    const child = spawnProgram([atFirst(signals.map(signal => `process.kill(process.pid,"${signal}")`).join(';'))])
    t.same(await once(child, 'exit'), [0, null], signals.join())
  }
})

test('a signal at any later moment of the start ends the proxy with 0', async t => {
  await Promise.all([0, 15, 40, 80, 130, 200, 400].map(async delayMs => {
    const child = spawnProgram([atFirst('process.stdout.write("up")')])
    await once(child.stdout as NonNullable<typeof child.stdout>, 'data')
    await pause(delayMs)
    child.kill('SIGTERM')
    t.same(await once(child, 'exit'), [0, null], `${delayMs} ms after the first moment`)
  }))
})

test('SIGHUP never ends the proxy: neither before anything is loaded nor when it listens', async t => {
  const upstream = await startUpstream()
  const program = await startProgram(upstream.origin, {}, [atFirst('process.kill(process.pid,"SIGHUP")')])
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  program.child.kill('SIGHUP')
  t.equal((await call(program.origin, '/livez')).status, 200)
})

test('as process 1 of a container it ends as well, with 0 as a proxy and 143 as a command', async t => {
  const namespace = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child']
  if (spawnSync(namespace[0] as string, [...namespace.slice(1), 'true']).status !== 0) {
    t.pass('this system lets nobody make a namespace')
    return
  }
  const signal = atFirst('process.kill(process.pid,"SIGTERM")')
  t.same(await once(spawnProgram([signal], [], namespace), 'exit'), [0, null])
  t.same(await once(spawnProgram([signal], ['wait'], namespace, { PORT: '9' }), 'exit'), [143, null])
})

test('a command other than serve has no signal handler: the signal ends it', async t => {
  const silent = net.createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const { port } = silent.address() as net.AddressInfo
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const asked = once(silent, 'connection') as Promise<[net.Socket]>
    const child = spawn(NODE[0], [...NODE.slice(1), MAIN, 'wait'], { cwd: '/', env: { ...ENVIRONMENT, PORT: String(port) } })
    const [socket] = await asked
    socket.on('error', () => {})
    child.kill(signal)
    t.same(await once(child, 'exit'), [null, signal])
    socket.destroy()
  }
})

test('npm start passes SIGTERM on, and ends with the exit code of the proxy', async t => {
  const { npm_execpath: npm, NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, ...environment } = process.env
  const command = npm?.endsWith('.js') === true ? [process.execPath, npm] : ['npm']
  const child = spawn('/usr/bin/env', [...command, 'start'], { cwd: new URL('../..', import.meta.url).pathname, env: { ...environment, ...ENVIRONMENT } })
  let output = ''
  child.stderr.resume()
  for await (const chunk of child.stdout) {
    output += String(chunk)
    if (output.includes('"address":"')) break
  }
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null])
  const origin = /"address":"([^"]+)"/.exec(output)?.[1] ?? ''
  await t.rejects(call(origin, '/livez'), { code: 'ECONNREFUSED' }, 'nothing is left running')
})

test('a Ctrl-C under npm, which passes on what the terminal has sent already, does not cut what is in flight', async t => {
  const upstream = await startUpstream({ onRequest: (_received, res) => { setTimeout(() => { res.end('finished') }, 300) } })
  const program = await startProgram(upstream.origin, { npm_lifecycle_event: 'start' })
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  const inFlight = call(program.origin, '/amsu-analysis/v2/things/')
  await until(() => upstream.received.length === 1)
  program.child.kill('SIGINT')
  await until(() => program.output().includes('"the proxy is stopping"'))
  program.child.kill('SIGINT')
  t.equal((await inFlight).text, 'finished')
  t.same(await program.exited, { code: 0, signal: null })
})

test('a built file that is broken or missing ends with 1 and one sentence', async t => {
  const root = t.testdir()
  cpSync(new URL('../../package.json', import.meta.url), join(root, 'package.json'))
  cpSync(new URL('../../dist', import.meta.url), join(root, 'dist'), { recursive: true, filter: path => !path.endsWith('.map') })
  const [serving = ''] = readdirSync(join(root, 'dist')).filter(name => name.startsWith('serve-'))
  truncateSync(join(root, 'dist', serving), 5_000)
  t.match(await runProgram([], ENVIRONMENT as Record<string, string>, '/', join(root, 'dist/main.js')), { code: 1, stdout: /^$/, stderr: /^amsu-proxy cannot run: SyntaxError: [^\n]+\n$/ })
})
