import fc from 'fast-check'
import { test } from 'tap'
import { createCallerRegistry } from '../../src/callers/caller-registry.ts'
import type { PlaceholderGrant } from '../../src/callers/placeholder-token.ts'
import { handleTokenCall, readFields, TOKEN_PATHS, tokenEndpointCall } from '../../src/callers/token-endpoint.ts'
import { ProxyError } from '../../src/errors.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { FakeClock } from '../support/fake-clock.ts'

const clock = new FakeClock()
const closed = createCallerRegistry([{ name: 'legacy', secret: new Secret('s3cret+&=') }], clock)
const open = createCallerRegistry(undefined, clock)

const form = (fields: Record<string, string>): string => new URLSearchParams(fields).toString()
const credentials = { client_id: 'legacy', client_secret: 's3cret+&=' }
const refused = new ProxyError('INVALID_TOKEN_REQUEST')

async function refreshToken (): Promise<string> {
  return (await handleTokenCall('grant', form(credentials), closed)).refresh_token
}

const isGrant = (grant: PlaceholderGrant): boolean => grant.access_token !== ''

test('the vendor has three calls at two paths', async t => {
  t.strictSame(TOKEN_PATHS, { token: '/amsu-analysis/v2/token', refreshment: '/amsu-analysis/v2/token/refreshment' })
  t.equal(tokenEndpointCall('token', 'POST'), 'grant')
  t.equal(tokenEndpointCall('token', 'PUT'), 'refresh')
  t.equal(tokenEndpointCall('refreshment', 'POST'), 'refresh')
  t.equal(tokenEndpointCall('refreshment', 'PUT'), undefined)
  for (const method of ['GET', 'HEAD', 'DELETE', 'PATCH', 'OPTIONS', 'post', '']) t.strictSame([tokenEndpointCall('token', method), tokenEndpointCall('refreshment', method)], [undefined, undefined], method)
})

test('id and secret of a caller are worth tokens, in exactly the shape of AMSU', async t => {
  const body = await handleTokenCall('grant', form(credentials), closed)
  t.strictSame(Object.keys(body), ['access_token', 'token_type', 'expires_in', 'refresh_token'])
  t.match(body, { access_token: /^[\w-]+\.[\w-]+\.[\w-]+$/, token_type: 'bearer', expires_in: 86_400, refresh_token: /^[\w-]+\.[\w-]+\.[\w-]+$/ })
  t.equal(await closed.identify(`Bearer ${body.access_token}`), 'legacy')
})

test('a refresh token is worth the next tokens', async t => {
  const reply = await handleTokenCall('refresh', form({ refresh_token: await refreshToken() }), closed)
  t.ok(isGrant(reply))
  t.equal(await closed.identify(`Bearer ${reply.access_token}`), 'legacy')
})

test('a wrong id or secret is an unknown caller in the words of AMSU, and so is an invalid refresh token', async t => {
  const rejected = (code: string, msg: string) => ({ code: 'CALLER_UNAUTHENTICATED', status: 401, login: { code, msg } })
  for (const wrong of [{ ...credentials, client_secret: 'x' }, { ...credentials, client_id: 'nobody' }, { client_id: credentials.client_secret, client_secret: credentials.client_id }]) {
    await t.rejects(handleTokenCall('grant', form(wrong), closed), rejected('COMMON.AUTHENTICATION_FAILED', 'The client id or the client secret is wrong.'))
  }
  for (const token of ['x', 'a.b.c', credentials.client_secret]) {
    await t.rejects(handleTokenCall('refresh', form({ refresh_token: token }), closed), rejected('COMMON.INVALID_CREDENTIALS', 'The refresh token is invalid or has expired.'))
  }
})

test('in open access any values will do', async t => {
  t.ok(isGrant(await handleTokenCall('grant', form({ client_id: 'x', client_secret: '\u00e9 ' }), open)))
  t.ok(isGrant(await handleTokenCall('refresh', form({ refresh_token: 'x' }), open)))
})

test('a field that is missing, empty or given twice is our error, in open access too', async t => {
  for (const registry of [closed, open]) {
    for (const body of [
      '', '&', 'client_id', 'client_id=legacy', 'client_secret=x', 'client_id=&client_secret=x', 'client_id=legacy&client_secret=', 'Client_Id=legacy&client_secret=x', 'client_id=a&client_id=b&client_secret=x',
      '{', '{}', '[]', 'null', '{"client_id":"legacy"}', '{"client_id":"legacy","client_secret":5}', '{"client_id":["legacy"],"client_secret":"x"}', '{"__proto__":{"client_id":"legacy","client_secret":"x"}}', '{"client_id":"legacy","client_secret":"x"',
    ]) await t.rejects(handleTokenCall('grant', body, registry), refused, body)
    for (const body of ['', 'refresh_token=', 'access_token=x', form(credentials), '{"refresh_token":null}']) await t.rejects(handleTokenCall('refresh', body, registry), refused, body)
  }
})

test('a JSON object is read as a form is', async t => {
  t.ok(isGrant(await handleTokenCall('grant', ` ${JSON.stringify({ ...credentials, extra: 1 })}\n`, closed)))
  t.ok(isGrant(await handleTokenCall('refresh', JSON.stringify({ refresh_token: await refreshToken() }), closed)))
})

test('what else is sent along does no harm', async t => {
  t.ok(isGrant(await handleTokenCall('grant', `grant_type=client_credentials&${form(credentials)}&scope=`, closed)))
})

test('no body makes the reading throw', async t => {
  t.doesNotThrow(() => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.json().map(json => `{${json}`), fc.constantFrom('%', '%zz=%', 'a=%ff')), body => { readFields(body) }))
  })
})
