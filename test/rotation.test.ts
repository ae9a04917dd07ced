import { test, type Test } from 'tap'
import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { loadConfig } from '../src/config/config.ts'
import { createLogger } from '../src/logging/logger.ts'
import { Rotation } from '../src/rotation.ts'
import { createMasker } from '../src/secrets/masker.ts'
import { pemPath } from './support/tls.ts'
import { until } from './support/until.ts'
import { silentLog } from './token/token-source-setup.ts'

const SECOND_CA = readFileSync(pemPath('self-signed.pem'), 'utf8')

interface Scene {
  readonly rotation: Rotation
  /** What the targets received: `id/secret`, `name=secret …`, or `tls`. */
  readonly told: string[]
  readonly lines: string[]
  /** Writes a file of the setup. */
  readonly write: (name: 'id' | 'secret' | 'callers' | 'cert' | 'key' | 'ca', text: string) => void
  readonly path: (name: string) => string
}

/** A rotation of files that have just been read. `settings` may remove some of them. */
function setUp (t: Test, settings: Record<string, string> = {}, isTried = (): boolean => true): Scene {
  const dir = t.testdir({ id: 'id-1', secret: 'secret-1', callers: 'app:caller-1\n' })
  const path = (name: string): string => join(dir, name)
  copyFileSync(pemPath('server.pem'), path('cert'))
  copyFileSync(pemPath('server-key.pem'), path('key'))
  copyFileSync(pemPath('ca.pem'), path('ca'))
  const told: string[] = []
  const lines: string[] = []
  const config = loadConfig({
    AMSU_CLIENT_ID_FILE: path('id'),
    AMSU_CLIENT_SECRET_FILE: path('secret'),
    CALLERS_FILE: path('callers'),
    TLS_CERT_FILE: path('cert'),
    TLS_KEY_FILE: path('key'),
    AMSU_CA_FILE: path('ca'),
    ...settings,
  }, '/nonexistent/.env')
  const rotation = new Rotation(config, {
    onCredentials ({ clientId, clientSecret }) {
      told.push(`${clientId.reveal()}/${clientSecret.reveal()}`)
      return isTried()
    },
    onCallers: callers => { told.push(callers.map(({ name, secret }) => `${name}=${secret.reveal()}`).join(' ')) },
    onTls: () => { told.push('tls') },
    onCertificateAuthority: pem => { told.push(pem === SECOND_CA ? 'second authority' : 'authority') },
  }, createLogger({ level: 'info', masker: createMasker(), destination: { write: line => { lines.push(line) } } }))
  t.teardown(() => { rotation.close() })
  return { rotation, told, lines, write: (name, text) => { writeFileSync(path(name), text) }, path }
}

test('a reload without a change notifies no receiver of callers and authorities, and the token source decides whether to try the credentials', t => {
  const { rotation, told, lines } = setUp(t, {}, () => false)
  rotation.reload()
  rotation.reload()
  t.strictSame(told, ['id-1/secret-1', 'tls', 'id-1/secret-1', 'tls'])
  t.notMatch(lines.join(''), /credentials/, 'which does not')
  t.end()
})

test('a value from the environment cannot change', t => {
  const { rotation, told, lines } = setUp(t, { AMSU_CLIENT_ID_FILE: '', AMSU_CLIENT_SECRET_FILE: '', CALLERS_FILE: '', TLS_CERT_FILE: '', TLS_KEY_FILE: '', AMSU_CA_FILE: '', AMSU_CLIENT_ID: 'a', AMSU_CLIENT_SECRET: 'b', CALLERS: 'app:c' })
  rotation.reload()
  t.strictSame([...told, ...lines], [])
  t.end()
})

test('each changed file is read once more by itself, an id and a secret that change together as one pair', async t => {
  const { told, lines, write, path } = setUp(t)
  write('id', 'id-2\n')
  write('secret', 'secret-2\n')
  write('callers', '# all\napp:caller-2\nother:caller-3\n')
  copyFileSync(pemPath('second.pem'), path('cert'))
  copyFileSync(pemPath('second-key.pem'), path('key'))
  copyFileSync(pemPath('self-signed.pem'), path('ca'))
  await until(() => told.length >= 4)
  await pause(1_500) // two polls without a change
  t.strictSame([...told].sort(), ['app=caller-2 other=caller-3', 'id-2/secret-2', 'second authority', 'tls'])
  t.equal(lines.filter(line => line.includes('2 of 2 callers have a secret of less than 16 characters')).length, 1, 'a short secret is warned of')
})

test('after close nothing is looked at any more', async t => {
  const { rotation, told, write } = setUp(t)
  rotation.close()
  write('secret', 'secret-2')
  const { told: others, write: writeOther } = setUp(t)
  writeOther('secret', 'secret-3')
  await until(() => others.length > 0)
  t.strictSame(told, [])
})

test('one of the two credentials may come from a file alone', t => {
  const { rotation, told, write } = setUp(t, { AMSU_CLIENT_ID_FILE: '', AMSU_CLIENT_ID: 'fixed-id' })
  write('secret', 'secret-2')
  rotation.reload()
  t.equal(told[0], 'fixed-id/secret-2')
  t.end()
})

test('a secret file that cannot be used keeps the old value in use, and the log says why', t => {
  const { rotation, told, lines, write, path } = setUp(t)
  write('secret', '\n')
  rotation.reload()
  t.match(lines[0], /"problems":\["AMSU_CLIENT_SECRET_FILE names an empty file: [^"]*\/secret"\].*the old value stays/)
  renameSync(path('id'), path('id-away'))
  write('secret', 'secret-2')
  rotation.reload()
  t.equal(told.find(line => line.includes('secret-2')), 'id-1/secret-2', 'the other file still counts')
  t.ok(lines.some(line => line.includes('AMSU_CLIENT_ID_FILE cannot be read (ENOENT)')))
  t.end()
})

test('credentials that came later are tried once more when one asks: AMSU may have rejected them before it knew them', t => {
  const { rotation, told, lines, write } = setUp(t)
  write('secret', 'secret-2')
  rotation.reload()
  rotation.reload()
  t.strictSame(told.filter(line => line.includes('/')), ['id-1/secret-2', 'id-1/secret-2'])
  t.ok(lines.some(line => line.includes('the proxy tries the AMSU credentials again')))
  t.end()
})

test('an invalid callers file keeps the old callers in use; each reading reports the problem by line and without a secret', t => {
  const { rotation, told, lines, write, path } = setUp(t)
  for (const [text, problem] of [['app:caller-1\nno-colon-here\n', 'CALLERS_FILE line 2 has no colon'], ['', 'CALLERS_FILE names no caller'], [':secret-of-nobody', 'CALLERS_FILE line 1 has no name']] as const) {
    write('callers', text)
    for (let i = 0; i < 2; i++) {
      lines.length = 0
      rotation.reload()
      t.ok(lines.some(line => line.includes(problem) && line.includes('the old callers stay')), problem)
      t.notMatch(lines.join(''), /no-colon-here|secret-of-nobody|caller-1/)
    }
  }
  rmSync(path('callers'))
  rotation.reload()
  t.ok(lines.some(line => line.includes('CALLERS_FILE cannot be read (ENOENT)')))
  t.strictSame(told.filter(line => line.includes('=')), [])
  write('callers', 'app:caller-2')
  rotation.reload()
  t.equal(told.at(-2), 'app=caller-2')
  t.match(lines.join(''), /"callers":\["app"\].*the callers have been read again/, 'their names are told')
  t.end()
})

test('a certificate with a mismatched key keeps the old pair in use', t => {
  const { rotation, told, lines, path } = setUp(t)
  copyFileSync(pemPath('second.pem'), path('cert'))
  rotation.reload()
  t.notOk(told.includes('tls'))
  t.match(lines.at(-1), /"problems":\["TLS_KEY_FILE must be .*the new certificate cannot be used, the old one stays in use/)
  copyFileSync(pemPath('second-key.pem'), path('key'))
  rotation.reload()
  t.ok(told.includes('tls'))
  t.end()
})

test('what changes between the reading of the settings and the first look is seen', async t => {
  const dir = t.testdir({ callers: 'app:caller-1\n' })
  const config = loadConfig({ AMSU_CLIENT_ID: 'a', AMSU_CLIENT_SECRET: 'b', CALLERS_FILE: join(dir, 'callers') }, '/nonexistent/.env')
  writeFileSync(join(dir, 'callers'), 'app:caller-2\n')
  const told: string[] = []
  const rotation = new Rotation(config, { onCredentials: () => true, onCallers: callers => { told.push(String(callers[0]?.secret.reveal())) }, onTls () {}, onCertificateAuthority () {} }, silentLog)
  t.teardown(() => { rotation.close() })
  await until(() => told.length > 0)
  t.strictSame(told, ['caller-2'])
})

test('files that cannot be read for a while are read as soon as they can be; the log reports it once', async t => {
  const { told, lines, write, path } = setUp(t)
  const problemLines = (): string[] => lines.filter(line => line.includes('cannot be used'))
  for (const name of ['secret', 'callers', 'cert', 'ca'] as const) {
    renameSync(path(name), path(`${name}-away`))
    mkfifo(path(name))
  }
  await until(() => problemLines().length === 4)
  await pause(2_500) // some polls
  t.equal(problemLines().length, 4)
  for (const name of ['AMSU_CLIENT_SECRET_FILE', 'CALLERS_FILE', 'TLS_CERT_FILE', 'AMSU_CA_FILE']) t.ok(problemLines().some(line => line.includes(`${name} is a FIFO, not a regular file`)), name)
  t.strictSame(told, [])
  for (const name of ['secret', 'callers', 'cert', 'ca'] as const) rmSync(path(name))
  write('secret', 'secret-2')
  write('callers', 'app:caller-2')
  write('ca', SECOND_CA)
  copyFileSync(pemPath('second.pem'), path('cert'))
  copyFileSync(pemPath('second-key.pem'), path('key'))
  await until(() => told.length === 4)
  t.strictSame([...told].sort(), ['app=caller-2', 'id-1/secret-2', 'second authority', 'tls'])
})

test('half a pair is not tried by itself: an id and a secret of two accounts are no credentials', async t => {
  const { told, lines, write, path } = setUp(t)
  rmSync(path('id'))
  write('secret', 'secret-2')
  await until(() => lines.some(line => line.includes('AMSU_CLIENT_ID_FILE cannot be read (ENOENT)')))
  await pause(1_500)
  t.strictSame(told, [])
  write('id', 'id-2')
  await until(() => told.length > 0)
  t.strictSame(told, ['id-2/secret-2'])
})

test('a new secret with a line break is not taken into use', t => {
  const { rotation, told, lines, write } = setUp(t, {}, () => false)
  write('secret', 'secret-2\nsecret-3\n')
  rotation.reload()
  t.notMatch(told.join(), /secret-[23]/)
  t.match(lines[0], /AMSU_CLIENT_SECRET_FILE contains a line break or another control character/)
  t.end()
})

test('an invalid bundle of authorities keeps the old one in use', t => {
  const { rotation, told, lines, write } = setUp(t)
  write('ca', '-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n')
  rotation.reload()
  t.notOk(told.includes('authority'))
  t.ok(lines.some(line => line.includes('the new certificate authorities cannot be used, the old ones stay in use')))
  t.end()
})

function mkfifo (path: string): void {
  execFileSync('mkfifo', [path])
}
