/**
 * Runs every command of the documents: `npm run test:docs`. Addresses and secrets are put in; what needs an engine meets a stand-in, and
 * is checked by what it names. A suite of its own because it needs programs that not every machine has: run.sh installs them.
 */
import { test, type Test } from 'tap'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simulatorDefaults, startSimulator, type Simulator } from '../simulator/simulator.ts'
import { synthesizeEcg } from '../simulator/synthetic-ecg.ts'
import { call } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { endProgram, startProgram, type Program } from '../support/program.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { problemsOf } from './engines.ts'
import { blocksOf, documents, type Block } from './markdown.ts'
import { openSandbox } from './sandbox.ts'

const SHELLS = ['sh', 'bash', 'shell', 'console']

/** How many blocks run at once. */
const CREW = 3

/** The secrets that documents abbreviate. */
const SECRETS = { '4f0c6a…': '4f0c6a1b2c3d4e5f60718293a4b5c6d7', '91be3d…': '91be3d5f60718293a4b5c6d74f0c6a1b' }
const CALLERS = `ward-app:${SECRETS['4f0c6a…']},archive:${SECRETS['91be3d…']}`

const CREDENTIALS = { AMSU_CLIENT_ID: simulatorDefaults.clientId, AMSU_CLIENT_SECRET: simulatorDefaults.clientSecret }
const ecg = synthesizeEcg({ minutes: 10 })

/** What runs while the commands do. */
interface Scene {
  readonly simulator: Simulator
  /** Open access; a process, because documents send it signals. */
  readonly program: Program
  readonly environment: Record<string, string>
  /** Puts real addresses and secrets where documents have theirs. */
  readonly localize: (text: string) => string
}

async function setUp (t: Test): Promise<Scene> {
  const home = mkdtempSync(join(tmpdir(), 'amsu-docs-'))
  const simulator = await startSimulator()
  const socket = join(home, 'socket')
  const program = await startProgram(simulator.origin, CREDENTIALS)
  const guarded = await startProxy(simulator.origin, { ...CREDENTIALS, CALLERS })
  const onSocket = await startProxy(simulator.origin, { ...CREDENTIALS, UNIX_SOCKET: socket, ADMIN_PORT: '0' })
  t.teardown(async () => {
    await Promise.all([endProgram(program), guarded.stop(), onSocket.stop()])
    await simulator.close()
    rmSync(home, { recursive: true })
  })
  const hostOf = (origin = ''): string => new URL(origin).host
  for (const origin of [program.origin, onSocket.adminOrigin ?? '']) await until(async () => (await call(origin, '/readyz')).status === 200)

  function localize (text: string): string {
    const origin = /-u |Bearer 4f|client_id=|ward-app:/.test(text) ? guarded.origin : program.origin
    const known = { ...SECRETS, 'AMSU_CLIENT_ID=…': `AMSU_CLIENT_ID=${CREDENTIALS.AMSU_CLIENT_ID}`, 'AMSU_CLIENT_SECRET=…': `AMSU_CLIENT_SECRET=${CREDENTIALS.AMSU_CLIENT_SECRET}`, '/run/amsu-proxy/socket': socket }
    const addresses = { '//127.0.0.1:8080': `//${hostOf(origin)}`, '//127.0.0.1:9100': `//${hostOf(onSocket.adminOrigin)}` }
    return Object.entries({ ...known, ...addresses }).reduce((localized, [from, to]) => localized.replaceAll(from, to), text)
  }
  const environment = { ...CREDENTIALS, AMSU_BASE_URL: simulator.origin, QUOTA_POLL_SECONDS: '0', PORT: new URL(program.origin).port, PID: String(program.child.pid) }
  return { simulator, program, environment, localize }
}

test('every command of the documents works as it is written', async t => {
  const { environment, localize, program } = await setUp(t)
  const nginx = await startNginx(t, program)
  const sandbox = await openSandbox({
    'recording.ecg': ecg,
    'new-id': 'a-new-id\n',
    'new-secret': 'a-new-secret\n',
    'docker/secrets/amsu_client_id': 'an-id\n',
    'docker/secrets/amsu_client_secret': 'a-secret\n',
    'docker/secrets/callers': 'archive:91be3d5f60718293a4b5c6d74f0c6a1b\n',
  })
  t.teardown(async () => { await sandbox.close() })
  const waiting = blocks().map(toShell).filter(block => block !== undefined)
  t.ok(waiting.length > 25, `${waiting.length} blocks`)

  async function work (): Promise<void> {
    for (let block = waiting.shift(); block !== undefined; block = waiting.shift()) {
      const { name, shell } = block
      const text = localize(shell).replaceAll('http://127.0.0.1:8088', nginx)
      t.notMatch(text, /…|> *\/(?!dev\/null)/, `${name} leaves nothing to be filled in, and writes nowhere else`)
      const { code, cwd, noted, output } = await sandbox.run(text, environment)
      t.equal(code, 0, `${name}\n${text}${output}`)
      for (const command of noted) t.strictSame(problemsOf(command, cwd), [], `${name}: ${command.join(' ')}`)
    }
  }
  await Promise.all(Array.from({ length: CREW }, async () => { await work() }))
  await until(() => program.output().includes('the proxy reads secrets, callers and certificates again'))
})

test('nginx as recipes.md has it passes calls on, whole, and tries the second proxy when the first is not there', async t => {
  const { program, simulator } = await setUp(t)
  const origin = await startNginx(t, program)
  const times = '/amsu-analysis/v2/available-times'
  t.equal((await call(origin, times)).status, 200)
  const boundary = 'b0'
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="ecg_file"; filename="recording.ecg"\r\nContent-Type: application/octet-stream\r\n\r\n`
  const body = Buffer.concat([Buffer.from(head), ecg, Buffer.from(`\r\n--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\noffline\r\n--${boundary}\r\nContent-Disposition: form-data; name="device"\r\n\r\nV6\r\n--${boundary}--\r\n`)])
  const { status } = await call(origin, '/amsu-analysis/v2/hrv/rr-list/', { method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': body.length }, body })
  t.equal(status, 200)
  t.equal(simulator.record.uploads.lastSha256, createHash('sha256').update(ecg).digest('hex'))
})

test('a command that is unknown, ends in an error, or names what is not there is found', async t => {
  const { environment, localize } = await setUp(t)
  const sandbox = await openSandbox({})
  t.teardown(async () => { await sandbox.close() })
  const run = async (text: string): Promise<number | null> => (await sandbox.run(localize(text), environment)).code
  t.equal(await run('helm install amsu-proxy'), 127)
  t.equal(await run('curl http://127.0.0.1:8080/amsu-analysis/v2/nothing | cat'), 22)
  t.equal(await run('HOST=0.0.0.0 npm start'), 2, 'refused without callers')
  const root = new URL('../../', import.meta.url).pathname
  const problemsIn = (line: string): string[] => problemsOf(line.split(' '), root)
  t.strictSame(problemsIn('docker compose -f docker/compose.yaml up -d amsu-proxi'), ['service amsu-proxi'])
  t.strictSame(problemsIn('docker compose -f docker/none.yaml up'), ['no file docker/none.yaml'])
  t.strictSame(problemsIn('docker compose -f docker/compose.yaml up --scale amsu-prox=2'), ['service amsu-prox'])
  t.strictSame(problemsIn('docker compose -f docker/compose.yaml exec amsu-proxy amsu-proxy check'), ['amsu-proxy check serve in the image'])
  t.strictSame(problemsIn('docker run -e AMSU_CLIENT_IDD=x amsu-proxy'), ['setting AMSU_CLIENT_IDD'])
  t.strictSame(problemsIn('docker run -e CALLERS_FILE=/x amsu-proxy chek'), ['command chek', 'CALLERS_FILE names what is not mounted'])
  t.strictSame(problemsIn('kubectl logs -n ams deployment/amsu'), ['namespace ams', 'deployment/amsu'])
  t.strictSame(problemsIn('kubectl apply -k docker/kubernetes'), ['no file docker/kubernetes/kustomization.yaml'])
  t.strictSame(problemsIn('kubectl create secret generic amzu -n amsu'), ['secret amzu'])
  t.strictSame(problemsIn('systemctl reload amsu'), ['no file docker/systemd/amsu.service'])
  t.strictSame(problemsIn('npm run tests'), ['npm run tests'])
  t.strictSame(problemsIn('npm run bench -- --publsh'), ['option --publsh of npm run bench'])
})

/** nginx as the documents set it up, in front of a closed port and then the proxy; its origin. */
async function startNginx (t: Test, program: Program): Promise<string> {
  const [block, ...others] = blocks().filter(({ language }) => language === 'nginx')
  t.strictSame(others, [])
  const home = mkdtempSync(join(tmpdir(), 'amsu-nginx-'))
  mkdirSync(join(home, 'logs'))
  const port = await freePort()
  const shown = (block as Block).text
    .replace('127.0.0.1:8080', `127.0.0.1:${await freePort()}`).replace('127.0.0.1:8081', new URL(program.origin).host).replace('127.0.0.1:8088', `127.0.0.1:${port}`)
  writeFileSync(join(home, 'nginx.conf'), `daemon off; worker_processes 1; pid ${home}/pid; error_log ${home}/errors; events {}\nhttp { access_log off; client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/f; uwsgi_temp_path ${home}/u; scgi_temp_path ${home}/s;\n${shown}}\n`)
  const nginx = spawn('nginx', ['-p', home, '-c', join(home, 'nginx.conf')], { env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` }, stdio: 'inherit' })
  const ended = once(nginx, 'close')
  t.teardown(async () => { nginx.kill('SIGQUIT'); await ended; rmSync(home, { recursive: true }) })
  const origin = `http://127.0.0.1:${port}`
  await until(async () => await call(origin, '/amsu-analysis/').then(() => true, () => false))
  return origin
}

/** The blocks of all documents; one that is in both languages of a page counts once. */
function blocks (): Block[] {
  const all = documents().flatMap(file => blocksOf(file))
  return [...new Map(all.map(block => [`${block.language} ${block.text}`, block])).values()]
}

/** A block as a text for a shell; undefined for what is not to be run. */
function toShell ({ file, language, line, quotedFrom, text }: Block): { name: string, shell: string } | undefined {
  const name = `${file}:${line}`
  if (language === 'js' && quotedFrom === undefined) return { name, shell: `node --input-type=module - <<'END' | grep '^200 '\n${text}END\n` }
  if (!SHELLS.includes(language)) return undefined
  // Settings alone are tried by a start of the program with them.
  const isSettings = text.trim().split('\n').every(each => /^[A-Z_]+=(?:'[^']*'|\S*)$/.test(each))
  return { name, shell: isSettings ? `set -a\n${text}node dist/main.js check\n` : text }
}
