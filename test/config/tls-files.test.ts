import { test } from 'tap'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { isAuthority, readAuthority, readTls } from '../../src/config/tls-files.ts'
import { CA, pemPath, readPair } from '../support/tls.ts'

const NO_CERT = 'TLS_CERT_FILE must be given together with TLS_KEY_FILE, as the path of a readable PEM file'
const NO_KEY = 'TLS_KEY_FILE must be given together with TLS_CERT_FILE, as the path of a readable PEM file with the matching key'

function problemsOf (certPath: string | undefined, keyPath: string | undefined): string[] {
  const problems: string[] = []
  const pair = readTls(certPath, keyPath, problems)
  return pair === undefined ? problems : ['a pair was read']
}

test('without both paths there is no TLS, and with one of them there is a problem', t => {
  t.strictSame(problemsOf(undefined, undefined), [])
  t.strictSame(problemsOf(pemPath('server.pem'), undefined), [NO_KEY])
  t.strictSame(problemsOf(undefined, pemPath('server-key.pem')), [NO_CERT])
  t.end()
})

test('a certificate, a chain, and both in one file are read with their key, which stays secret', t => {
  const { cert, key } = readPair('server')
  const dir = t.testdir({ chain: `${cert}${CA}`, both: `${key}${cert}`, crlf: cert.replaceAll('\n', '\r\n'), key })
  for (const [certPath, keyPath] of [[pemPath('server.pem'), pemPath('server-key.pem')], [join(dir, 'chain'), join(dir, 'key')], [join(dir, 'both'), join(dir, 'both')], [join(dir, 'crlf'), join(dir, 'key')]] as const) {
    const problems: string[] = []
    const pair = readTls(certPath, keyPath, problems)
    t.strictSame(problems, [])
    t.match(pair, { certPath, keyPath })
    t.match(pair?.cert, 'BEGIN CERTIFICATE')
    t.match(pair?.key.reveal(), 'BEGIN PRIVATE KEY')
    t.equal(JSON.stringify(pair?.key), '"[redacted]"')
  }
  t.end()
})

test('a key that is invalid, encrypted, or of another certificate is a problem; so is one of another type, which OpenSSL accepts', t => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const ed25519 = generateKeyPairSync('ed25519').privateKey
  const dir = t.testdir({
    text: 'no key',
    rsa: rsa.export({ type: 'pkcs8', format: 'pem' }),
    ed25519: ed25519.export({ type: 'pkcs8', format: 'pem' }),
    locked: rsa.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'passphrase' }),
    cut: readPair('server').key.slice(0, 100),
  })
  const paths = [...['text', 'rsa', 'ed25519', 'locked', 'cut'].map(name => join(dir, name)), pemPath('second-key.pem'), pemPath('server.pem')]
  for (const path of paths) t.strictSame(problemsOf(pemPath('server.pem'), path), [`${NO_KEY}: ${path}`], path)
  t.strictSame(problemsOf(join(dir, 'text'), pemPath('server-key.pem')), [`${NO_KEY}: ${pemPath('server-key.pem')}`], 'a certificate that is none has no key that fits')
  t.end()
})

test('all files that cannot be read are reported, by their settings', t => {
  const dir = t.testdir({ empty: '' })
  t.strictSame(problemsOf(join(dir, 'missing'), dir), [`TLS_CERT_FILE cannot be read (ENOENT): ${join(dir, 'missing')}`, `TLS_KEY_FILE is a directory, not a regular file: ${dir}`])
  t.strictSame(problemsOf(join(dir, 'empty'), pemPath('server-key.pem')), [`TLS_CERT_FILE names an empty file: ${join(dir, 'empty')}`])
  t.end()
})

test('an authority is one certificate or several that can all be read, with any text between them', t => {
  const { cert } = readPair('self-signed')
  const broken = '-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n'
  for (const [pem, isOne] of [
    [CA, true],
    [`# Issuer: us\n${CA}\n# Issuer: them\n${cert}`, true],
    [CA.replaceAll('\n', '\r\n'), true],
    ['', false],
    ['no certificate', false],
    [readPair('server').key, false],
    [broken, false],
    [`${CA}${broken}`, false],
    [`${broken}${CA}`, false],
    [CA.slice(0, 200), false],
    [`${CA}${cert.slice(0, 200)}`, false],
  ] as const) t.equal(isAuthority(pem), isOne, pem.slice(0, 40))
  t.end()
})

test('authorities are read from their file, or are a problem that names it', t => {
  const problems: string[] = []
  t.equal(readAuthority(undefined, problems), undefined)
  t.equal(readAuthority(pemPath('ca.pem'), problems), CA)
  t.strictSame(problems, [])
  t.equal(readAuthority(pemPath('server-key.pem'), problems), undefined)
  t.strictSame(problems, [`AMSU_CA_FILE must be the path of a readable file of PEM certificates: ${pemPath('server-key.pem')}`])
  t.end()
})
