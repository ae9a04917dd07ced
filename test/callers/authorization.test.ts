import fc from 'fast-check'
import { test } from 'tap'
import { parseAuthorization } from '../../src/callers/authorization.ts'

const basic = (text: string): string => Buffer.from(text).toString('base64')

test('Basic is a name and a secret; the secret may hold colons, or be empty', async t => {
  t.strictSame(parseAuthorization(`Basic ${basic('legacy:s3cret')}`), { scheme: 'basic', name: 'legacy', secret: 's3cret' })
  t.strictSame(parseAuthorization(`Basic ${basic('legacy:a:b:')}`), { scheme: 'basic', name: 'legacy', secret: 'a:b:' })
  t.strictSame(parseAuthorization(`Basic ${basic(':')}`), { scheme: 'basic', name: '', secret: '' })
})

test('padding may be missing', async t => {
  t.strictSame(parseAuthorization(`Basic ${basic('a:b1').replaceAll('=', '')}`), { scheme: 'basic', name: 'a', secret: 'b1' })
})

test('Bearer is whatever visible characters follow', async t => {
  t.strictSame(parseAuthorization('Bearer aaa.bbb.ccc'), { scheme: 'bearer', token: 'aaa.bbb.ccc' })
  t.strictSame(parseAuthorization('Bearer p@ss,w0rd!"'), { scheme: 'bearer', token: 'p@ss,w0rd!"' })
})

test('the scheme is taken in any case, and several spaces may follow it (RFC 9110 section 11.4)', async t => {
  for (const scheme of ['basic', 'BASIC', 'bAsIc']) t.match(parseAuthorization(`${scheme} ${basic('a:b')}`), { name: 'a' })
  for (const scheme of ['bearer', 'BEARER', 'bEaReR']) t.match(parseAuthorization(`${scheme}  x`), { token: 'x' })
})

test('anything else is no caller', async t => {
  for (const value of [
    undefined, '', ' ', 'Basic', 'Basic ', 'Bearer', 'Bearer ', 'Bearer\tx', 'Bearerx', ' Bearer x', 'Bearer x ', 'Bearer x y', 'Bearer x, Basic YTpi', 'Bearer \u00e9',
    'Digest username="a"', 'Negotiate YTpi', 'x', 'Token x', 'Bearer x\ny',
    `Basic ${basic('no colon')}`, 'Basic YTpi!', 'Basic YT pi', 'Basic a:b', 'Basic =', 'Basic YTpi===', 'Basic YT-_', 'Basic {"a":1}',
  ]) t.equal(parseAuthorization(value), undefined, JSON.stringify(value))
})

test('no value makes it throw', async t => {
  t.doesNotThrow(() => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), text => {
      for (const value of [text, `Basic ${text}`, `Basic ${basic(text)}`, `Bearer ${text}`]) parseAuthorization(value)
    }))
  })
})
