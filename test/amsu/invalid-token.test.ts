import { test } from 'tap'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { BufferedResponse, mayBeInvalidToken } from '../../src/amsu/invalid-token.ts'

const REFUSAL = '{"error":{"code":"COMMON.INVALID_CREDENTIALS","msg":"no"}}'

/** Whether a response says that the token is invalid, in chunks of seven bytes. */
function isInvalid (status: number, headers: readonly string[], body: Buffer | string): boolean {
  const buffered = new BufferedResponse({ status, statusText: '', headers })
  const bytes = Buffer.from(body)
  for (let at = 0; at < bytes.length; at += 7) buffered.add(bytes.subarray(at, at + 7))
  lookInto(buffered, bytes)
  return buffered.isInvalidToken()
}

/** Inspecting a body does not change it. */
function lookInto (buffered: BufferedResponse, bytes: Buffer): void {
  buffered.isInvalidToken()
  if (!Buffer.concat(buffered.chunks).equals(bytes)) throw new Error('the body has changed')
}

test('401 and any 4xx of JSON may say that the token is bad, and so may a 4xx of no type', async t => {
  for (const [status, headers, expected] of [
    [401, [], true], [401, ['Content-Type', 'text/html'], true],
    [400, ['Content-Type', 'application/json'], true], [499, ['content-type', 'Application/Problem+JSON; charset=utf-8'], true], [403, [], true],
    [400, ['Content-Type', 'text/html'], false], [400, ['Content-Type', ''], false], [200, ['Content-Type', 'application/json'], false], [399, [], false], [500, ['Content-Type', 'application/json'], false],
  ] as const) t.equal(mayBeInvalidToken({ status, statusText: '', headers }), expected, `${status} ${headers.join()}`)
})

test('a rejection of the token is recognized compressed or not, and its bytes are unchanged', async t => {
  for (const [name, headers, body] of [
    ['plain', [], REFUSAL],
    ['with blanks', [], `\r\n ${REFUSAL}\n`],
    ['with a byte order mark', [], `\ufeff${REFUSAL}`],
    ['gzip', ['Content-Encoding', 'gzip'], gzipSync(REFUSAL)],
    ['deflate', ['content-encoding', 'deflate'], deflateSync(REFUSAL)],
    ['br', ['CONTENT-ENCODING', 'BR'], brotliCompressSync(REFUSAL)],
    ['two codings in two fields', ['Content-Encoding', 'gzip', 'A', 'b', 'Content-Encoding', 'br'], brotliCompressSync(gzipSync(REFUSAL))],
    ['a message that is no UTF-8', [], Buffer.from(REFUSAL.replace('no', '\xd6\xd0'), 'latin1')],
  ] as const) t.ok(isInvalid(400, ['Content-Type', 'application/json', ...headers], Buffer.from(body)), name)
  t.ok(isInvalid(401, ['Content-Encoding', 'gzip'], 'not gzip at all'), 'whatever 401 says')
})

test('any other body says nothing of the token', async t => {
  for (const [name, headers, body] of [
    ['another code', [], REFUSAL.replace('INVALID_CREDENTIALS', 'INVALID_PARAMETER')],
    ['the code elsewhere', [], '{"code":"COMMON.INVALID_CREDENTIALS"}'],
    ['the code in a message', [], '{"error":{"code":"X","msg":"COMMON.INVALID_CREDENTIALS"}}'],
    ['the code among others', [], '{"error":{"code":["COMMON.INVALID_CREDENTIALS"]}}'],
    ['no JSON', [], `${REFUSAL}x`],
    ['null', [], 'null'],
    ['nothing', [], ''],
    ['plain, said to be gzip', ['Content-Encoding', 'gzip'], REFUSAL],
    ['gzip, not said', [], gzipSync(REFUSAL)],
    ['UTF-16, which JSON is not', [], Buffer.from(REFUSAL, 'utf16le')],
    ['more than 64 KiB once decompressed', ['Content-Encoding', 'gzip'], gzipSync(`${REFUSAL}${' '.repeat(65_536)}`)],
  ] as const) t.notOk(isInvalid(400, ['Content-Type', 'application/json', ...headers], Buffer.from(body)), name)
})

test('no more than 64 KiB are buffered', async t => {
  const buffered = new BufferedResponse({ status: 400, statusText: '', headers: [] })
  t.ok(buffered.add(Buffer.alloc(65_536)))
  t.notOk(buffered.add(Buffer.alloc(1)))
})
