import { test } from 'tap'
import { nearestName, unknownNames, unknownNamesInFile } from '../../src/config/nearest-name.ts'

test('a mistyped AMSU_ name gets the nearest setting as a suggestion', async t => {
  for (const [given, nearest] of [
    ['AMSU_CLIENT_SECERT', 'AMSU_CLIENT_SECRET'],
    ['AMSU_CLIENTID', 'AMSU_CLIENT_ID'],
    ['AMSU_CLIENT_SECRET_FLIE', 'AMSU_CLIENT_SECRET_FILE'],
    ['AMSU_BASEURL', 'AMSU_BASE_URL'],
    ['AMSU_URL', 'AMSU_BASE_URL'],
  ] as const) {
    t.strictSame(unknownNames([given]), [`${given} is not a setting; did you mean ${nearest}?`])
  }
})

test('a known name, and a name unlike all settings, gets no suggestion', async t => {
  t.strictSame(unknownNames(['AMSU_CLIENT_ID', 'PATH', 'PROT', 'amsu_client_id', 'MY_AMSU_CLIENT_ID', 'AMSUX']), [])
})

test('every unknown name of a file is reported by its line, and repeated only if it looks like a name', async t => {
  const lineOf = new Map([['AMSU_CLIENT_ID', 1], ['CALLER_FILE', 2], ['PROT', 3], ['caller_file', 5], ['c2VjcmV0', 7], ['AKIAIOSFODNN7EXAMPLE', 8], ['constructor', 9]])
  t.match(unknownNamesInFile('.env', lineOf), [
    '.env line 2: CALLER_FILE is not a setting; did you mean CALLERS_FILE?',
    '.env line 3: PROT is not a setting; did you mean PORT?',
    '.env line 5: this is not a setting; did you mean CALLERS_FILE?',
    /^\.env line 7: this is not a setting; did you mean [A-Z_]+\?$/,
    /^\.env line 8: this is not a setting; did you mean [A-Z_]+\?$/,
    /^\.env line 9: this is not a setting; did you mean [A-Z_]+\?$/,
  ])
})

test('a name that every object has is still no setting', async t => {
  t.strictSame(unknownNames(['constructor', '__proto__', 'toString']), [])
})

test('every mistyped name has a sentence of its own, in the order given', async t => {
  t.match(unknownNames(['AMSU_B', 'HOST', 'AMSU_A']), [/^AMSU_B /, /^AMSU_A /])
})

test('the nearest of several equals is the first', async t => {
  t.equal(nearestName('cat', ['bat', 'hat', 'dog']), 'bat')
  t.equal(nearestName('hat', ['bat', 'hat', 'dog']), 'hat')
  t.equal(nearestName('anything', ['only']), 'only')
})
