import { test } from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { call } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { MAIN, NODE } from '../support/program.ts'
import { CLIENT_ID, CLIENT_SECRET } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

test('a terminal stopped by Ctrl-S, or never read, loses log lines, never a request, and does not delay the end', async t => {
  if (spawnSync('script', ['-qec', 'true', '/dev/null']).status !== 0) {
    t.pass('this system has no script(1) of util-linux')
    return
  }
  const upstream = await startUpstream()
  t.teardown(upstream.close)
  for (const hold of ['Ctrl-S', 'nobody reads'] as const) {
    const port = await freePort()
    const origin = `http://127.0.0.1:${port}`
    const terminal = spawn('script', ['-qec', `exec ${[...NODE, MAIN].join(' ')}`, '/dev/null'], {
      cwd: '/',
      env: { PATH: process.env['PATH'], TERM: 'xterm', AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_BASE_URL: upstream.origin, PORT: String(port), QUOTA_POLL_SECONDS: '0' },
    })
    t.teardown(() => { terminal.kill('SIGKILL') })
    let shown = ''
    terminal.stdout.on('data', (chunk: Buffer) => { shown += chunk.toString() })
    await until(() => shown.includes('listens on'))
    await call(origin, PATH)
    await until(() => / 200 in \d+ ms/.test(shown))
    if (hold === 'Ctrl-S') terminal.stdin.write('\x13')
    else terminal.stdout.pause()
    // More than what a terminal, script(1) and the pipe behind it take.
    for (let i = 0; i < 300; i++) t.equal((await call(origin, `${PATH}${'x'.repeat(3_000)}`)).status, 200)
    t.match((await call(origin, '/metrics')).text, 'amsu_proxy_log_lines_dropped_total 0\n', 'so few lines can wait')
    const program = Number(readFileSync(`/proc/${String(terminal.pid)}/task/${String(terminal.pid)}/children`, 'utf8'))
    const before = performance.now()
    process.kill(program, 'SIGTERM')
    await until(() => !existsSync(`/proc/${program}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${program}/status`, 'utf8')))
    t.ok(performance.now() - before < 5_000, `${hold}: it ends`)
  }
})
