import { test } from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readText, readVariables, systemCode } from '../../src/config/variables.ts'

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

test('a .env that is not there is none, and one that can not be read is a problem that names no path', async t => {
  const problems: string[] = []
  t.strictSame(readVariables({ A: '1' }, '/nonexistent/.env', problems), { A: '1' })
  t.strictSame(problems, [])
  t.strictSame(readVariables({ A: '1' }, t.testdir({}), problems), { A: '1' }, 'a folder')
  t.strictSame(problems, ['.env can not be read (EISDIR)'])
})

test('the byte order mark that some editors write is no part of a text', async t => {
  const dir = t.testdir({ marked: '\uFEFFA=1\n', plain: 'A=\uFEFF1' })
  t.equal(readText(join(dir, 'marked')), 'A=1\n')
  t.equal(readText(join(dir, 'plain')), 'A=\uFEFF1', 'inside it stays')
  t.strictSame(readVariables({}, join(dir, 'marked'), []), { A: '1' })
})

test('of a failed reading only the code is told', async t => {
  try {
    readFileSync('/nonexistent/value-never-shown')
  } catch (error) {
    t.equal(systemCode(error), 'ENOENT')
  }
  for (const error of [new Error('value-never-shown'), 'value-never-shown', { code: 'value-never-shown' }, undefined]) t.equal(systemCode(error), 'not readable')
})
