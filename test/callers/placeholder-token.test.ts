import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { UnsecuredJWT } from 'jose'
import { test } from 'tap'
import { ACCESS_LIFE_SECONDS, deriveKeys, isTokenShaped, issueTokens, randomKeys, REFRESH_LIFE_SECONDS, verifyToken, type PlaceholderKeys } from '../../src/callers/placeholder-token.ts'
import { Secret } from '../../src/secrets/secret.ts'

const NOW_MS = Date.UTC(2026, 0, 1, 12, 0, 0, 700)
const NOW_SECONDS = Math.floor(NOW_MS / 1000)

const keysOfCaller = (name: string, secret: string): PlaceholderKeys => deriveKeys({ name, secret: new Secret(secret) })
const keys = keysOfCaller('legacy', 's3cret')
const unknownKeys = randomKeys()
const keysOf = (name: string): PlaceholderKeys => name === 'legacy' ? keys : unknownKeys

/** The parts of a token, parsed. */
function decode (token: string): unknown[] {
  return token.split('.').slice(0, 2).map(part => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown)
}

/** Any header and claims, signed with any key. */
function forge (header: object, claims: object, key: Uint8Array): string {
  const signed = [header, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

const verify = async (kind: 'access' | 'refresh', token: string, nowMs = NOW_MS): Promise<unknown> => await verifyToken(kind, token, keysOf, nowMs)

test('a pair of tokens has the shape of AMSU, its lives, and the claims of its samples', async t => {
  const grant = await issueTokens('legacy', keys, NOW_MS)
  t.strictSame(Object.keys(grant), ['access_token', 'token_type', 'expires_in', 'refresh_token'])
  t.match(grant, { token_type: 'bearer', expires_in: 86_400 })
  t.strictSame(decode(grant.access_token), [{ alg: 'HS256', typ: 'JWT' }, { sub: 'app_key:legacy', iss: 'amsu-proxy', exp: NOW_SECONDS + 86_400 }])
  t.strictSame(decode(grant.refresh_token), [{ alg: 'HS256', typ: 'JWT' }, { sub: 'refresh:app_key:legacy', iss: 'amsu-proxy', exp: NOW_SECONDS + 30 * 86_400 }])
  for (const token of [grant.access_token, grant.refresh_token]) t.match(token, /^[\w-]+\.[\w-]+\.[\w-]{43}$/)
})

test('a token names its caller until it expires, to the second', async t => {
  const grant = await issueTokens('legacy', keys, NOW_MS)
  for (const [kind, token, lifeSeconds] of [['access', grant.access_token, ACCESS_LIFE_SECONDS], ['refresh', grant.refresh_token, REFRESH_LIFE_SECONDS]] as const) {
    const expiresAtMs = (NOW_SECONDS + lifeSeconds) * 1000
    t.strictSame(await verify(kind, token), { name: 'legacy', expiresAtMs }, kind)
    t.strictSame(await verify(kind, token, expiresAtMs - 1), { name: 'legacy', expiresAtMs }, kind)
    t.equal(await verify(kind, token, expiresAtMs), undefined, `${kind}, expired`)
  }
})

test('access and refresh tokens do not pass for each other', async t => {
  const grant = await issueTokens('legacy', keys, NOW_MS)
  t.equal(await verify('refresh', grant.access_token), undefined)
  t.equal(await verify('access', grant.refresh_token), undefined)
})

test('keys depend on name, secret and purpose, and on nothing else: another process derives the same', async t => {
  t.strictSame(keysOfCaller('legacy', 's3cret'), keys)
  const all = [keys, keysOfCaller('legacy', 's3creT'), keysOfCaller('batch', 's3cret')].flatMap(({ access, refresh }) => [access, refresh])
  t.equal(new Set(all.map(key => Buffer.from(key).toString('hex'))).size, 6)
  for (const key of all) t.equal(key.length, 32)
  t.equal(Buffer.from(keys.access).toString('hex'), '0fbaad5803922e8668f99c9be5acb4b2cf75161dd1fd6127acbe52362c6102b0', 'a change of this ends the tokens of every deployment')
  t.notSame(randomKeys(), randomKeys())
})

test('a token of another secret, name or issuer is rejected, and one that never ends too', async t => {
  const claims = { sub: 'app_key:legacy', iss: 'amsu-proxy', exp: NOW_SECONDS + 60 }
  const header = { alg: 'HS256', typ: 'JWT' }
  t.match(await verify('access', forge(header, claims, keys.access)), { name: 'legacy' }, 'the forger knows how')
  for (const [what, token] of [
    ['another secret', forge(header, claims, keysOfCaller('legacy', 'other').access)],
    ['the raw secret as key', forge(header, claims, Buffer.from('s3cret'))],
    ['the key of another purpose', forge(header, claims, keys.refresh)],
    ['an unknown name', forge(header, { ...claims, sub: 'app_key:nobody' }, keys.access)],
    ['no name', forge(header, { ...claims, sub: 'app_key:' }, keys.access)],
    ['another subject', forge(header, { ...claims, sub: 'legacy' }, keys.access)],
    ['a subject that is no text', forge(header, { ...claims, sub: ['app_key:legacy'] }, keys.access)],
    ['no subject', forge(header, { ...claims, sub: undefined }, keys.access)],
    ['no issuer', forge(header, { ...claims, iss: undefined }, keys.access)],
    ['another issuer', forge(header, { ...claims, iss: 'amsu' }, keys.access)],
    ['no end', forge(header, { ...claims, exp: undefined }, keys.access)],
    ['an end that is no number', forge(header, { ...claims, exp: '9999999999' }, keys.access)],
    ['another type', forge({ ...header, typ: 'at+jwt' }, claims, keys.access)],
    ['a critical extension', forge({ ...header, crit: ['b64'], b64: false }, claims, keys.access)],
  ] as const) t.equal(await verify('access', token), undefined, what)
})

test('only HS256 is verified, whatever a token says of itself', async t => {
  const claims = { sub: 'app_key:legacy', iss: 'amsu-proxy', exp: NOW_SECONDS + 60 }
  const [, payload] = forge({}, claims, keys.access).split('.')
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  t.equal(await verify('access', new UnsecuredJWT(claims).encode()), undefined, 'none, without a signature')
  t.equal(await verify('access', `${none}.${payload}.AAAA`), undefined, 'none, with one')
  for (const alg of ['none', 'None', 'HS384', 'HS512', 'RS256', 'ES256', 'EdDSA', '', 'dir']) t.equal(await verify('access', forge({ alg, typ: 'JWT' }, claims, keys.access)), undefined, alg)
  for (const bits of ['384', '512']) {
    const signed = `${Buffer.from(`{"alg":"HS${bits}","typ":"JWT"}`).toString('base64url')}.${payload}`
    t.equal(await verify('access', `${signed}.${createHmac(`sha${bits}`, keys.access).update(signed).digest('base64url')}`), undefined, `HS${bits}, signed as such with the right key`)
  }
  t.equal(await verify('access', forge({ alg: 'HS256', typ: 'JWT', jwk: { kty: 'oct', k: Buffer.from('mine').toString('base64url') } }, claims, Buffer.from('mine'))), undefined, 'a key it brings along')
})

test('a change of any one character ends a token', async t => {
  const { access_token: token } = await issueTokens('legacy', keys, NOW_MS)
  for (let i = 0; i < token.length; i++) {
    // The last character has two unused bits.
    const other = token[i] === 'A' ? 'Q' : 'A'
    if (token[i] === '.' || i === token.length - 1) continue
    if (await verify('access', token.slice(0, i) + other + token.slice(i + 1)) !== undefined) t.fail(`character ${i}`)
  }
  t.equal(await verify('access', token.slice(0, -1)), undefined)
  t.equal(await verify('access', `${token}.`), undefined)
})

test('what is no token costs nothing', async t => {
  for (const token of ['', 'x', 'a.b', 'a.b.c.d', '..', 'a.b.', 'a b.c.d', '\u00e9.b.c', `${'a'.repeat(511)}.b.c`]) t.notOk(isTokenShaped(token), JSON.stringify(token.slice(0, 20)))
  const { refresh_token: longest } = await issueTokens('x'.repeat(64), keys, NOW_MS)
  t.ok(isTokenShaped(longest), 'the longest of ours is one')
})

test('no text holds, and none makes it throw', async t => {
  const part = fc.oneof(fc.base64String(), fc.json().map(json => Buffer.from(json).toString('base64url')), fc.constantFrom('', 'eyJhbGciOiJIUzI1NiJ9', Buffer.from('{"sub":"app_key:legacy"}').toString('base64url'), 'bnVsbA', 'W10'))
  await t.resolves(fc.assert(fc.asyncProperty(fc.oneof(fc.string(), fc.tuple(part, part, part).map(parts => parts.join('.'))), async token =>
    await verify('access', token) === undefined && await verify('refresh', token) === undefined), { numRuns: 1_000 }))
})

test('a defect is no rejection: it is thrown', async t => {
  const { access_token: token } = await issueTokens('legacy', keys, NOW_MS)
  await t.rejects(verifyToken('access', token, () => { throw new RangeError('defect') }, NOW_MS), RangeError)
})
