import { test } from 'tap'
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/config.ts'
import { fingerprintAt } from '../../src/config/text-file.ts'
import { problem as ruleOf } from '../../src/config/validation.ts'
import { pemPath } from '../support/tls.ts'
import { NO_DOTENV, problemsOf } from './problems.ts'

test('a secret is read from its file; one line end at its end is dropped, and nothing else', async t => {
  for (const [name, content, secret] of [
    ['no line end', 'filed-secret', 'filed-secret'],
    ['LF', 'filed-secret\n', 'filed-secret'],
    ['CRLF', 'filed-secret\r\n', 'filed-secret'],
    ['blanks', ' filed secret \n', ' filed secret '],
    ['not ASCII', 'gehëim€\n', 'gehëim€'],
  ] as const) {
    const dir = t.testdir({ id: 'filed-id\n', secret: content })
    const { credentials } = loadConfig({ AMSU_CLIENT_ID_FILE: join(dir, 'id'), AMSU_CLIENT_SECRET_FILE: join(dir, 'secret') }, NO_DOTENV).amsu
    t.equal(credentials.clientId.reveal(), 'filed-id', name)
    t.equal(credentials.clientSecret.reveal(), secret, name)
  }
})

test('a secret file that brings no secret is a problem that names its path and not its content', async t => {
  const dir = t.testdir({ empty: '', newline: '\n', crlf: '\r\n', directory: {}, file: 'filed-secret', lines: 'filed-secret\n\n', cr: 'filed-secret\r' })
  for (const [path, problem] of [
    ['empty', 'AMSU_CLIENT_SECRET_FILE names an empty file'],
    ['newline', 'AMSU_CLIENT_SECRET_FILE names an empty file'],
    ['crlf', 'AMSU_CLIENT_SECRET_FILE names an empty file'],
    ['missing', 'AMSU_CLIENT_SECRET_FILE cannot be read (ENOENT)'],
    ['directory', 'AMSU_CLIENT_SECRET_FILE is a directory, not a regular file'],
    ['lines', 'AMSU_CLIENT_SECRET_FILE contains a line break or another control character'],
    ['cr', 'AMSU_CLIENT_SECRET_FILE contains a line break or another control character'],
    ['file/below', 'AMSU_CLIENT_SECRET_FILE cannot be read (ENOTDIR)'],
  ] as const) {
    t.strictSame(problemsOf({ AMSU_CLIENT_ID: 'some-id', AMSU_CLIENT_SECRET_FILE: join(dir, path) }), [`${problem}: ${join(dir, path)}`], path)
  }
})

test('a secret is given in exactly one form', async t => {
  const file = join(t.testdir({ secret: 'filed-secret' }), 'secret')
  for (const name of ['AMSU_CLIENT_ID', 'AMSU_CLIENT_SECRET'] as const) {
    const other = name === 'AMSU_CLIENT_ID' ? 'AMSU_CLIENT_SECRET' : 'AMSU_CLIENT_ID'
    const problem = `${name} must be given, or ${name}_FILE, but not both`
    t.strictSame(problemsOf({ [other]: 'other' }), [problem], `${name}: neither`)
    t.strictSame(problemsOf({ [other]: 'other', [name]: 'value', [`${name}_FILE`]: file }), [problem], `${name}: both`)
    t.strictSame(problemsOf({ [other]: 'other', [`${name}_FILE`]: file }), [], `${name}: the file`)
    t.strictSame(problemsOf({ [other]: 'other', [name]: 'value' }), [], `${name}: the variable`)
  }
})

test('secret files that everybody can read or change are one warning, which names the settings and neither path nor content', async t => {
  const dir = t.testdir({ id: 'filed-id', secret: 'filed-secret', callers: 'app:a-secret-of-some-length' })
  const warningsFor = (mode: number): readonly string[] => {
    for (const name of ['id', 'secret', 'callers']) chmodSync(join(dir, name), mode)
    return loadConfig({ AMSU_BASE_URL: 'https://amsu.test', AMSU_CLIENT_ID_FILE: join(dir, 'id'), AMSU_CLIENT_SECRET_FILE: join(dir, 'secret'), CALLERS_FILE: join(dir, 'callers') }, NO_DOTENV).warnings
  }
  t.strictSame(warningsFor(0o640), [])
  const [warning, ...more] = warningsFor(0o444)
  t.match(warning, /^AMSU_CLIENT_SECRET_FILE, CALLERS_FILE: every user of this machine can read or change the file; run chmod o-rw/)
  t.notMatch(warning, new RegExp(`${dir}|filed|a-secret`))
  t.strictSame(more, [])
})

test('a .env file is read, and the environment wins', async t => {
  const dotenv = join(t.testdir({ '.env': 'AMSU_CLIENT_ID=dotenv-id\nAMSU_CLIENT_SECRET="dotenv secret" # quoted\n# PORT=1\nPORT=2345\nHOST=127.0.0.2\nLOG_LEVEL=\n' }), '.env')
  const { amsu, listener, logLevel } = loadConfig({ PORT: '3456', HOST: '' }, dotenv)
  t.equal(amsu.credentials.clientId.reveal(), 'dotenv-id')
  t.equal(amsu.credentials.clientSecret.reveal(), 'dotenv secret')
  t.match(listener, { port: 3456 }, 'the environment wins')
  t.match(listener, { host: '127.0.0.2' }, 'an empty variable does not')
  t.equal(logLevel, 'info', 'an empty line counts as unset')
})

test('a mistyped name in .env is warned about too', async t => {
  const dotenv = join(t.testdir({ '.env': 'AMSU_CLIENT_ID=a\nAMSU_CLIENT_SECRET=b\nAMSU_BASE_ULR=https://amsu.test\nSOMETHING_ELSE=c\n' }), '.env')
  t.match(loadConfig({ AMSU_CLIENTID: 'a', AMSU_BASE_ULR: 'b', AMSU_EMPTY: '' }, dotenv).warnings, [
    'AMSU_CLIENTID is not a setting; did you mean AMSU_CLIENT_ID?',
    `${dotenv} line 3: AMSU_BASE_ULR is not a setting; did you mean AMSU_BASE_URL?`,
    `${dotenv} line 4: SOMETHING_ELSE is not a setting`,
    /plain http/,
  ])
})

test('what is wrong in .env is a problem like any other', async t => {
  const dotenv = join(t.testdir({ '.env': 'AMSU_CLIENT_ID=a\nAMSU_CLIENT_SECRET=b\nPORT=port-in-dotenv\n' }), '.env')
  t.strictSame(problemsOf({}, dotenv), ['PORT must be a whole number from 0 to 65535'])
  t.strictSame(problemsOf({ PORT: '1' }, dotenv), [], 'unless the environment says better')
})

test('a .env that exists but cannot be read is reported together with the other problems', async t => {
  const dotenv = join(t.testdir({ '.env': {} }), '.env')
  t.strictSame(problemsOf({ AMSU_CLIENT_ID: 'a', AMSU_CLIENT_SECRET: 'b', PORT: 'x' }, dotenv), [`${dotenv} is a directory, not a regular file`, 'PORT must be a whole number from 0 to 65535'])
})

test('a form in the environment wins over the other form in .env', async t => {
  const dir = t.testdir({ '.env': 'AMSU_CLIENT_ID=a\nAMSU_CLIENT_SECRET=dotenv-secret\n', secret: 'filed-secret' })
  t.strictSame(problemsOf({ AMSU_CLIENT_SECRET_FILE: join(dir, 'secret') }, join(dir, '.env')), [])
})

test('an invalid line of .env is reported together with the other problems, with suggestions for names', async t => {
  const dotenv = join(t.testdir({ '.env': 'AMSU_CLIENT_ID=a\nAMSU_CLIENT_SECRET=b\nCALLERS: never-shown\nCALLER_FILE=never-shown\nPORT=x\n' }), '.env')
  t.strictSame(problemsOf({}, dotenv), [
    `${dotenv} line 3 is neither a setting (NAME=value) nor a comment`,
    'PORT must be a whole number from 0 to 65535',
    `${dotenv} line 4: CALLER_FILE is not a setting; did you mean CALLERS_FILE?`,
  ])
})

test('a .env that holds a secret and that everybody can read is warned about by its path', async t => {
  const dotenv = join(t.testdir({ '.env': 'AMSU_CLIENT_ID=a\nAMSU_CLIENT_SECRET=never-shown\nAMSU_BASE_URL=https://amsu.test\n' }), '.env')
  const warningsFor = (mode: number, environment: Record<string, string> = {}): readonly string[] => {
    chmodSync(dotenv, mode)
    return loadConfig(environment, dotenv).warnings
  }
  t.strictSame(warningsFor(0o600), [])
  t.match(warningsFor(0o644), [/^\/.*\.env: every user of this machine can read or change the file; run chmod o-rw/])
  writeFileSync(dotenv, 'AMSU_CLIENT_ID=a\nAMSU_CLIENT_SECRET=\nAMSU_BASE_URL=https://amsu.test\n')
  t.strictSame(warningsFor(0o644, { AMSU_CLIENT_SECRET: 'b' }), [], 'without a secret it may be open')
})

test('a problem with any file names its path', async t => {
  const dir = t.testdir({ callers: '# apps\nnever-shown\n', text: 'never-shown', fifo: 'replaced' })
  rmSync(join(dir, 'fifo'))
  execFileSync('mkfifo', [join(dir, 'fifo')])
  const credentials = { AMSU_CLIENT_ID: 'a', AMSU_CLIENT_SECRET: 'b' }
  const pair = { TLS_CERT_FILE: pemPath('server.pem'), TLS_KEY_FILE: join(dir, 'text') }
  for (const [settings, problem] of [
    [{ CALLERS_FILE: join(dir, 'callers') }, /^CALLERS_FILE line 2 has no colon .*\/callers$/],
    [{ CALLERS_FILE: join(dir, 'missing') }, /^CALLERS_FILE cannot be read \(ENOENT\): .*\/missing$/],
    [{ CALLERS_FILE: join(dir, 'fifo') }, /^CALLERS_FILE is a FIFO, not a regular file: .*\/fifo$/],
    [{ AMSU_CA_FILE: join(dir, 'text') }, /^AMSU_CA_FILE must be .*: .*\/text$/],
    [{ AMSU_CA_FILE: join(dir, 'fifo') }, /^AMSU_CA_FILE is a FIFO, not a regular file: .*\/fifo$/],
    [pair, /^TLS_KEY_FILE must be .* with the matching key: .*\/text$/],
    [{ ...pair, TLS_KEY_FILE: dir }, /^TLS_KEY_FILE is a directory, not a regular file: \/.*$/],
  ] as const) {
    const problems = problemsOf({ ...credentials, ...settings })
    t.match(problems, [problem])
    t.equal(problems.length, 1)
    t.notMatch(problems.join(), 'never-shown')
  }
})

test('credentials and the password of a forward proxy that hold a control character are a problem by name', async t => {
  const good = { AMSU_CLIENT_ID: 'a', AMSU_CLIENT_SECRET: 'b' }
  for (const [name, value] of [
    ['AMSU_CLIENT_ID', 'never\nshown'], ['AMSU_CLIENT_SECRET', 'never-shown\n'], ['AMSU_CLIENT_SECRET', 'never\tshown'], ['AMSU_CLIENT_SECRET', 'never\u0000shown'],
    ['AMSU_HTTP_PROXY', 'http://me:never\nshown@proxy:3128'], ['AMSU_HTTP_PROXY', 'http://me:never%0d%0ashown@proxy:3128'], ['AMSU_HTTP_PROXY', 'http://me:never%C2%85shown@proxy:3128'],
  ] as const) t.strictSame(problemsOf({ ...good, [name]: value }), [`${name} contains a line break or another control character`], JSON.stringify(value))
  t.strictSame(problemsOf({ ...good, AMSU_HTTP_PROXY: 'http://me:50%@proxy:3128' }), [ruleOf('AMSU_HTTP_PROXY')])
})

test('what was seen of each watched file is kept from the moment it was read', async t => {
  const dir = t.testdir({ secret: 'filed-secret' })
  const path = join(dir, 'secret')
  const { files } = loadConfig({ AMSU_CLIENT_ID: 'a', AMSU_CLIENT_SECRET_FILE: path, TLS_CERT_FILE: pemPath('server.pem'), TLS_KEY_FILE: pemPath('server-key.pem'), AMSU_CA_FILE: pemPath('ca.pem') }, NO_DOTENV)
  t.strictSame(Object.keys(files.seen).sort(), [path, ...['ca.pem', 'server-key.pem', 'server.pem'].map(pemPath)].sort())
  t.equal(files.seen[path], fingerprintAt(path))
})
