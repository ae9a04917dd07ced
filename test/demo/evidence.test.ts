import { test } from 'tap'
import { searchSecrets } from './evidence.ts'

const secret = 'app-secret/0123456789+abcdef'
const token = 'aaaaaaaa.bbbbbbbb.cccccccccccc'
const secrets = new Map([[secret, 'client secret'], [token, 'access token 1']])
const search = (...texts: string[]) => searchSecrets([['the responses', texts.map(text => Buffer.from(text))]], secrets)

await test('a secret is found as it is, in every usual encoding, and across two pieces', async t => {
  const bytes = Buffer.from(secret)
  const forms = [secret, encodeURIComponent(secret), bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')]
  for (const form of forms) t.same((await search(`{"x":"${form}"}`)).found, ['client secret in the responses'], form)
  t.same((await search(`x ${secret.slice(0, 9)}`, `${secret.slice(9)} y`)).found, ['client secret in the responses'])
})

await test('the signature of a token alone is found', async t => {
  t.same((await search('dddd.eeee.cccccccccccc')).found, ['access token 1 in the responses'])
})

await test('where there is no secret none is found, and every byte is counted', async t => {
  t.same(await search('app-secret', '/0123'), { bytes: 15, found: [] })
})
