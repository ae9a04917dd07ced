import { test } from 'tap'
import { join } from 'node:path'
import { mergeVariables, readDotenv, readVariables } from '../../src/config/variables.ts'

test('the environment wins over .env, and an empty variable of either counts as unset', async t => {
  const dir = t.testdir({ '.env': 'A=file\nB=file\nC=\nD="two words" # a comment\n' })
  const problems: string[] = []
  t.strictSame(readVariables({ A: 'environment', B: '', E: undefined, F: '' }, join(dir, '.env'), problems), { A: 'environment', B: 'file', D: 'two words' })
  t.strictSame(problems, [])
})

test('one form of a secret in the environment drops its other form from .env, and no other setting', async t => {
  const dir = t.testdir({ '.env': 'AMSU_CLIENT_ID=file\nAMSU_CLIENT_SECRET_FILE=file\nCALLERS=file\nTLS_CERT_FILE=file\n' })
  const given = readVariables({ AMSU_CLIENT_ID_FILE: 'environment', AMSU_CLIENT_SECRET: 'environment', TLS_CERT: 'environment' }, join(dir, '.env'), [])
  t.strictSame(given, { AMSU_CLIENT_ID_FILE: 'environment', AMSU_CLIENT_SECRET: 'environment', CALLERS: 'file', TLS_CERT: 'environment', TLS_CERT_FILE: 'file' })
  t.strictSame(readVariables({ CALLERS: 'a', CALLERS_FILE: 'b' }, '/nonexistent/.env', []), { CALLERS: 'a', CALLERS_FILE: 'b' }, 'both in the environment are left for validation to refuse')
})

test('a missing .env is empty, and one that cannot be read is a problem that begins with its path', async t => {
  const problems: string[] = []
  t.strictSame(readVariables({ A: '1' }, '/nonexistent/.env', problems), { A: '1' })
  t.strictSame(problems, [])
  const dir = t.testdir({ wide: Buffer.from('A=2', 'utf16le') })
  t.strictSame(readVariables({ A: '1' }, dir, problems), { A: '1' }, 'a folder')
  t.strictSame(readVariables({ A: '1' }, join(dir, 'wide'), problems), { A: '1' }, 'another encoding')
  t.strictSame(problems, [`${dir} is a directory, not a regular file`, `${dir}/wide is UTF-16; save it as UTF-8`])
})

test('every invalid line of a .env is a problem, every unusual one a warning, and the rest counts', async t => {
  const path = join(t.testdir({ '.env': '\uFEFFA=1\nword\nB=2#3\nC="4\n' }), '.env')
  const { problems, warnings } = readDotenv(path)
  t.strictSame(problems, [`${path} line 2 is neither a setting (NAME=value) nor a comment`, `${path} line 4 has no closing quote`])
  t.match(warnings, [`${path} line 3: the value ends before #`])
  const told: string[] = []
  t.strictSame(readVariables({}, path, told), { A: '1', B: '2' })
  t.strictSame(told, problems)
})

test('what a FIFO held is taken for a .env', async t => {
  const dotenv = readDotenv('/fifo', new Map([['/fifo', Buffer.from('A=1')]]))
  t.strictSame(mergeVariables({ B: '2' }, dotenv), { A: '1', B: '2' })
})
