import { test } from 'tap'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/config.ts'
import { NO_DOTENV, problemsOf } from './problems.ts'

test('a secret is read from its file; one line end at its end is dropped, and nothing else', async t => {
  for (const [name, content, secret] of [
    ['no line end', 'filed-secret', 'filed-secret'],
    ['LF', 'filed-secret\n', 'filed-secret'],
    ['CRLF', 'filed-secret\r\n', 'filed-secret'],
    ['two LF', 'filed-secret\n\n', 'filed-secret\n'],
    ['two CRLF', 'filed-secret\r\n\r\n', 'filed-secret\r\n'],
    ['CR alone', 'filed-secret\r', 'filed-secret\r'],
    ['blanks', ' filed secret \n', ' filed secret '],
    ['not ASCII', 'gehëim€\n', 'gehëim€'],
  ] as const) {
    const dir = t.testdir({ id: 'filed-id\n', secret: content })
    const { credentials } = loadConfig({ AMSU_CLIENT_ID_FILE: join(dir, 'id'), AMSU_CLIENT_SECRET_FILE: join(dir, 'secret') }, NO_DOTENV).amsu
    t.equal(credentials.clientId.reveal(), 'filed-id', name)
    t.equal(credentials.clientSecret.reveal(), secret, name)
  }
})

test('a secret file that brings no secret is a problem that names neither path nor content', async t => {
  const dir = t.testdir({ empty: '', newline: '\n', crlf: '\r\n', directory: {}, file: 'filed-secret' })
  for (const [path, problem] of [
    ['empty', 'AMSU_CLIENT_SECRET_FILE names an empty file'],
    ['newline', 'AMSU_CLIENT_SECRET_FILE names an empty file'],
    ['crlf', 'AMSU_CLIENT_SECRET_FILE names an empty file'],
    ['missing', 'AMSU_CLIENT_SECRET_FILE can not be read (ENOENT)'],
    ['directory', 'AMSU_CLIENT_SECRET_FILE can not be read (EISDIR)'],
    ['file/below', 'AMSU_CLIENT_SECRET_FILE can not be read (ENOTDIR)'],
  ] as const) {
    t.strictSame(problemsOf({ AMSU_CLIENT_ID: 'some-id', AMSU_CLIENT_SECRET_FILE: join(dir, path) }), [problem], path)
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
  t.match(warning, /^AMSU_CLIENT_SECRET_FILE, CALLERS_FILE: every user here can read or change that file; chmod o-rw/)
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
  t.match(loadConfig({}, dotenv).warnings, ['AMSU_BASE_ULR is not a setting; did you mean AMSU_BASE_URL?', /plain http/])
})

test('what is wrong in .env is a problem like any other', async t => {
  const dotenv = join(t.testdir({ '.env': 'AMSU_CLIENT_ID=a\nAMSU_CLIENT_SECRET=b\nPORT=port-in-dotenv\n' }), '.env')
  t.strictSame(problemsOf({}, dotenv), ['PORT must be a whole number from 0 to 65535'])
  t.strictSame(problemsOf({ PORT: '1' }, dotenv), [], 'unless the environment says better')
})

test('a .env that is there but can not be read is a problem beside the others', async t => {
  const dotenv = join(t.testdir({ '.env': {} }), '.env')
  t.strictSame(problemsOf({ AMSU_CLIENT_ID: 'a', AMSU_CLIENT_SECRET: 'b', PORT: 'x' }, dotenv), ['.env can not be read (EISDIR)', 'PORT must be a whole number from 0 to 65535'])
})

test('a form in the environment wins over the other form in .env', async t => {
  const dir = t.testdir({ '.env': 'AMSU_CLIENT_ID=a\nAMSU_CLIENT_SECRET=dotenv-secret\n', secret: 'filed-secret' })
  t.strictSame(problemsOf({ AMSU_CLIENT_SECRET_FILE: join(dir, 'secret') }, join(dir, '.env')), [])
})
