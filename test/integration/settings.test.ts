import { test } from 'tap'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { call } from '../support/client.ts'
import { endProgram, runProgram, startProgram } from '../support/program.ts'
import { CLIENT_SECRET } from '../support/proxy.ts'
import { startUpstream } from '../support/upstream.ts'

const CREDENTIALS = 'AMSU_CLIENT_ID=a-client\nAMSU_CLIENT_SECRET=value-never-shown\n'
const CALLERS = 'CALLERS=ward-app:value-never-shown\n'

test('a line of .env is never lost in silence: what does not hold ends with 2 and is named by its line', async t => {
  const dir = t.testdir({})
  await Promise.all(Object.entries<[string | Buffer, RegExp]>({
    'a word': [`${CREDENTIALS}todo\n${CALLERS}`, /\.env line 3 is neither a setting \(NAME=value\) nor a comment/],
    'as in YAML': [`${CREDENTIALS}${CALLERS.replace('=', ': ')}`, /\.env line 3 is neither/],
    'no end quote': [`${CREDENTIALS}HOST="127.0.0.1\n${CALLERS}`, /\.env line 3 has no closing quote/],
    'an end quote of another line': [`${CREDENTIALS}HOST="127.0.0.1\nPORT1="2"\n${CALLERS}`, /\.env line 4 has text after the closing quote/],
    'UTF-16': [Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(CREDENTIALS + CALLERS, 'utf16le')]), /\.env is UTF-16; save it as UTF-8/],
    'Latin-1': [Buffer.from(`${CREDENTIALS}# geh\xe9im\n${CALLERS}`, 'latin1'), /\.env is not UTF-8 \(line 3\)/],
    'a line break in a secret': [`${CREDENTIALS.replace('=value', '="value\\n').replace('shown', 'shown"')}${CALLERS}`, /AMSU_CLIENT_SECRET contains a line break/],
  }).map(async ([name, [text, problem]], i) => {
    const cwd = join(dir, String(i))
    mkdirSync(cwd)
    writeFileSync(join(cwd, '.env'), text)
    const { code, stdout, stderr } = await runProgram(['serve'], { PORT: '0' }, cwd)
    t.equal(code, 2, name)
    t.match(stderr, problem, name)
    t.equal(stdout, '', name)
    t.notMatch(stderr, 'value-never-shown', name)
  }))
})

test('lines that only look odd are read: blanks, indented comments and settings, export, quotes, any line end', async t => {
  const cwd = t.testdir({ '.env': `${CREDENTIALS}  \r\n\t# who may call\r\texport  CALLERS='ward-app:value-never-shown' # them\r\nHOST=0.0.0.0\nPORT=0\nLOG_LEVEL=wrong\n` })
  const { code, stderr } = await runProgram(['serve'], {}, cwd)
  t.equal(code, 2)
  t.match(stderr, /LOG_LEVEL must be/)
  t.notMatch(stderr, /HOST is beyond loopback|line/, 'CALLERS is known')
})

test('a FIFO as a secret file is read once at the start, and never again: SIGHUP holds up nothing', async t => {
  const upstream = await startUpstream()
  const fifo = join(t.testdir({}), 'secret')
  execFileSync('mkfifo', ['-m', '600', fifo])
  const writer = createWriteStream(fifo)
  const written = once(writer, 'close')
  writer.end(CLIENT_SECRET)
  const program = await startProgram(upstream.origin, { AMSU_CLIENT_SECRET: '', AMSU_CLIENT_SECRET_FILE: fifo })
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  await written
  t.equal((await call(program.origin, '/amsu-analysis/v2/things/')).status, 200)
  t.match(program.output(), /AMSU_CLIENT_SECRET_FILE: the file is a FIFO, which is read only once/)
  for (let i = 0; i < 5; i++) {
    program.child.kill('SIGHUP')
    t.equal((await call(program.origin, '/livez')).status, 200)
  }
  program.child.kill('SIGTERM')
  t.same(await program.exited, { code: 0, signal: null })
})

test('a file that becomes a FIFO while the program runs is rejected, and holds up nothing', async t => {
  const upstream = await startUpstream()
  const callers = join(t.testdir({ callers: 'app:caller-secret' }), 'callers')
  const program = await startProgram(upstream.origin, { CALLERS_FILE: callers })
  t.teardown(async () => { await endProgram(program); await upstream.close() })
  execFileSync('sh', ['-c', 'rm "$1" && mkfifo "$1"', 'sh', callers])
  program.child.kill('SIGHUP')
  while (!program.output().includes('CALLERS_FILE is a FIFO, not a regular file')) t.equal((await call(program.origin, '/livez')).status, 200)
  t.equal((await call(program.origin, '/amsu-analysis/v2/things/', { headers: { authorization: 'Bearer caller-secret' } })).status, 200, 'the old callers stay')
})

test('what is no regular file is rejected at the start, by what it is and by its path', async t => {
  const dir = t.testdir({})
  const { code, stderr } = await runProgram([], { AMSU_CLIENT_ID_FILE: '/dev/zero', AMSU_CLIENT_SECRET_FILE: dir, CALLERS_FILE: '/dev/null', AMSU_CA_FILE: dir })
  t.equal(code, 2)
  for (const problem of ['AMSU_CLIENT_ID_FILE is a device, not a regular file: /dev/zero', `AMSU_CLIENT_SECRET_FILE is a directory, not a regular file: ${dir}`, 'CALLERS_FILE is a device, not a regular file: /dev/null', `AMSU_CA_FILE is a directory, not a regular file: ${dir}`]) t.ok(stderr.includes(problem), problem)
})
