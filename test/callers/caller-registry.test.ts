import { timingSafeEqual } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'tap'
import { parseCallers } from '../../src/callers/caller-list.ts'
import type { Caller } from '../../src/callers/caller-list.ts'
import { authenticate, createCallerRegistry, type CallerRegistry } from '../../src/callers/caller-registry.ts'
import { issueTokens, randomKeys, type PlaceholderGrant } from '../../src/callers/placeholder-token.ts'
import { ProxyError } from '../../src/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'

const DAY_MS = 86_400_000
const CALLERS = 'legacy:s3cret,batch:0:ther,ward:s3cret-3'

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

function callers (text: string): readonly Caller[] {
  const list = parseCallers(text)
  if ('problems' in list) throw new Error(list.problems.join())
  return list.callers
}

/** A registry with a stopped clock, which counts the digests it compares. */
// The shape is inferred: naming it would repeat every line.
function setUp (text = CALLERS, clock = new FakeClock()) {
  const count = { comparisons: 0 }
  const isEqual = (a: Uint8Array, b: Uint8Array): boolean => {
    count.comparisons++
    return timingSafeEqual(a, b)
  }
  return { registry: createCallerRegistry(callers(text), clock, { isEqual }), clock, count }
}

/** Tokens that must be there. */
async function granted (grant: Promise<PlaceholderGrant | undefined>): Promise<PlaceholderGrant> {
  const tokens = await grant
  if (tokens === undefined) throw new Error('rejected')
  return tokens
}

async function accessToken (registry: CallerRegistry, name = 'legacy', secret = 's3cret'): Promise<string> {
  return (await granted(registry.grant(name, secret))).access_token
}

test('a caller is known by Basic, by its secret as a bearer, and by a placeholder token', async t => {
  const { registry } = setUp()
  t.equal(registry.identify(basic('legacy:s3cret')), 'legacy')
  t.equal(registry.identify(basic('batch:0:ther')), 'batch')
  t.equal(registry.identify('Bearer s3cret'), 'legacy')
  t.equal(registry.identify('bearer  0:ther'), 'batch')
  t.equal(await registry.identify(`Bearer ${await accessToken(registry)}`), 'legacy')
  t.equal(await registry.identify(`BEARER ${await accessToken(registry, 'ward', 's3cret-3')}`), 'ward')
})

test('any other header is rejected', async t => {
  const { registry } = setUp()
  for (const value of [
    undefined, '', 'Basic', basic('legacy:'), basic('legacy:S3cret'), basic('legacy:s3cret '), basic('Legacy:s3cret'), basic('legacy:0:ther'), basic('nobody:s3cret'), basic(':s3cret'), basic('legacy'), basic('l\u00e9gacy:s3cret'), basic('__proto__:s3cret'),
    'Bearer', 'Bearer ', 'Bearer s3cre', 'Bearer s3cret3', 'Bearer s3cret,', 'Bearer legacy:s3cret', 'Digest s3cret', 's3cret', 'Bearer aaa.bbb.ccc',
  ]) t.equal(await registry.identify(value), undefined, JSON.stringify(value))
})

test('a placeholder token works on another replica and after a restart', async t => {
  const { registry, clock } = setUp()
  const tokens = await granted(registry.grant('legacy', 's3cret'))
  const replica = setUp('ward:other,legacy:s3cret', clock).registry
  t.equal(await replica.identify(`Bearer ${tokens.access_token}`), 'legacy')
  t.ok(await replica.refresh(tokens.refresh_token))
})

test('a placeholder token becomes invalid with its secret, and those of the others stay valid', async t => {
  const { registry } = setUp()
  const dying = await granted(registry.grant('legacy', 's3cret'))
  const staying = await granted(registry.grant('batch', '0:ther'))
  for (const { access_token: token } of [dying, staying]) t.ok(await registry.identify(`Bearer ${token}`), 'seen before, so kept')
  registry.replace(callers('legacy:n3w,batch:0:ther'))
  t.equal(registry.cachedTokens, 0)
  t.equal(await registry.identify(`Bearer ${dying.access_token}`), undefined)
  t.equal(await registry.refresh(dying.refresh_token), undefined)
  t.equal(registry.identify('Bearer s3cret'), undefined)
  t.equal(registry.identify(basic('legacy:s3cret')), undefined)
  t.equal(registry.identify(basic('legacy:n3w')), 'legacy')
  t.equal(await registry.identify(`Bearer ${staying.access_token}`), 'batch')
  t.ok(await registry.refresh(staying.refresh_token))
  registry.replace(callers('batch:0:ther'))
  t.equal(registry.identify(basic('legacy:n3w')), undefined, 'a removed caller is unknown')
})

test('a refresh token that is verified while its secret changes gets no tokens of the new one', async t => {
  const { registry } = setUp()
  const { refresh_token: token } = await granted(registry.grant('legacy', 's3cret'))
  const refreshing = registry.refresh(token)
  registry.replace(callers('legacy:n3w'))
  const refreshed = await refreshing
  t.equal(await registry.identify(`Bearer ${String(refreshed?.access_token)}`), undefined)
})

test('an access token that is verified while its secret changes is not remembered', async t => {
  const { registry } = setUp()
  const header = `Bearer ${await accessToken(registry)}`
  const identifying = registry.identify(header)
  registry.replace(callers('legacy:n3w'))
  await identifying
  t.equal(registry.cachedTokens, 0)
  t.equal(await registry.identify(header), undefined)
})

test('a placeholder token that was seen before is known at once, until it expires by the wall clock', async t => {
  const { registry, clock } = setUp()
  const header = `Bearer ${await accessToken(registry)}`
  const first = registry.identify(header)
  t.type(first, Promise)
  t.equal(await first, 'legacy')
  t.equal(registry.identify(header), 'legacy')
  clock.sleep(DAY_MS - 1)
  t.equal(registry.identify(header), 'legacy')
  clock.sleep(1)
  t.equal(await registry.identify(header), undefined)
  t.equal(registry.cachedTokens, 0)
})

test('a refresh token is no access token, lives 30 days, and an access token refreshes nothing', async t => {
  const { registry, clock } = setUp()
  const tokens = await granted(registry.grant('legacy', 's3cret'))
  t.equal(await registry.identify(`Bearer ${tokens.refresh_token}`), undefined)
  t.equal(await registry.refresh(tokens.access_token), undefined)
  t.equal(await registry.refresh('s3cret'), undefined)
  clock.sleep(30 * DAY_MS - 1)
  const refreshed = await granted(registry.refresh(tokens.refresh_token))
  t.equal(await registry.identify(`Bearer ${refreshed.access_token}`), 'legacy')
  clock.sleep(1)
  t.equal(await registry.refresh(tokens.refresh_token), undefined)
})

test('ten thousand forged tokens fill nothing', async t => {
  const { registry, clock } = setUp()
  const header = `Bearer ${await accessToken(registry)}`
  await registry.identify(header)
  const forged = (await issueTokens('legacy', randomKeys(), clock.wall())).access_token.slice(0, -8)
  for (let i = 0; i < 10_000; i++) {
    if (await registry.identify(`Bearer ${forged}${String(i).padStart(8, '0')}`) !== undefined) t.fail('a forged token is known')
  }
  t.equal(registry.cachedTokens, 1)
  t.equal(registry.identify(header), 'legacy', 'and put nobody out')
})

test('more real tokens than are kept are all known', async t => {
  const { registry, clock } = setUp()
  const headers: string[] = []
  for (let i = 0; i < 1_100; i++) {
    headers.push(`Bearer ${await accessToken(registry)}`)
    clock.sleep(1_000)
  }
  t.equal(new Set(headers).size, 1_100)
  for (const header of headers) {
    if (await registry.identify(header) !== 'legacy') t.fail('a real token is unknown')
  }
  t.equal(registry.cachedTokens, 1_000)
})

test('a secret is compared as often for an unknown caller as for a known one, and with every caller of the table', async t => {
  const { registry, count } = setUp()
  for (const [value, expected] of [
    [basic('legacy:s3cret'), 1], [basic('legacy:wrong'), 1], [basic('nobody:s3cret'), 1], [basic(':'), 1],
    ['Bearer s3cret', 3], ['Bearer s3cret-3', 3], ['Bearer wrong', 3], [`Bearer ${await accessToken(registry)}`, 3],
  ] as const) {
    count.comparisons = 0
    await registry.identify(value)
    t.equal(count.comparisons, expected, value.slice(0, 20))
  }
  count.comparisons = 0
  t.ok(registry.checkCredentials('batch', '0:ther'))
  t.notOk(registry.checkCredentials('batch', 's3cret'))
  t.notOk(registry.checkCredentials('nobody', 's3cret'))
  t.equal(count.comparisons, 3)
})

test('what is compared has one length, and no bytes of a secret', async t => {
  const seen = new Set<string>()
  const registry = createCallerRegistry(callers(CALLERS), new FakeClock(), {
    isEqual: (a, b) => {
      for (const bytes of [a, b]) seen.add(Buffer.from(bytes).toString('latin1'))
      return timingSafeEqual(a, b)
    },
  })
  for (const secret of ['s3cret', 'x', 'y'.repeat(5_000)]) registry.checkCredentials('legacy', secret)
  registry.checkCredentials('nobody', 's3cret')
  t.strictSame(new Set([...seen].map(text => text.length)), new Set([44]))
  for (const text of seen) t.notMatch(text, /s3cret|yyy/)
})

test('of two callers with one secret the first is meant, unless one is named', async t => {
  const { registry } = setUp('a:same,b:same')
  t.equal(registry.identify('Bearer same'), 'a')
  t.equal(registry.identify(basic('b:same')), 'b')
  t.equal(await registry.identify(`Bearer ${await accessToken(registry, 'b', 'same')}`), 'b')
})

test('in open access tokens are for everyone, and are never worth anything', async t => {
  const clock = new FakeClock()
  const registry = createCallerRegistry(undefined, clock)
  t.ok(registry.isOpen)
  const tokens = await granted(registry.grant('any', 'thing'))
  t.ok(await registry.refresh('whatever'))
  t.equal(registry.identify(basic('any:thing')), undefined)
  t.equal(await registry.identify(`Bearer ${tokens.access_token}`), undefined)
  registry.replace(callers('legacy:s3cret,anyone:0ther'))
  t.notOk(registry.isOpen)
  t.equal(await registry.identify(`Bearer ${tokens.access_token}`), undefined)
  t.equal(await registry.refresh(tokens.refresh_token), undefined)
  t.equal(registry.identify('Bearer s3cret'), 'legacy')
})

test('an empty list rejects every caller', async t => {
  for (const registry of [createCallerRegistry([], new FakeClock()), setUp().registry]) {
    registry.replace([])
    t.notOk(registry.isOpen)
    for (const value of [undefined, basic(':'), basic('legacy:s3cret'), 'Bearer s3cret']) t.equal(registry.identify(value), undefined)
    t.equal(await registry.grant('legacy', 's3cret'), undefined)
  }
})

test('a request is authenticated as its caller, or rejected; in open access it passes without a caller', async t => {
  const { registry } = setUp()
  const refused = new ProxyError('CALLER_UNAUTHENTICATED')
  t.equal(authenticate(registry, 'Bearer s3cret'), 'legacy')
  t.equal(await authenticate(registry, `Bearer ${await accessToken(registry)}`), 'legacy')
  t.throws(() => authenticate(registry, undefined), refused)
  t.throws(() => authenticate(registry, 'Bearer wrong'), refused)
  await t.rejects(Promise.resolve(authenticate(registry, 'Bearer a.b.c')), refused)
  for (const value of [undefined, 'Bearer wrong', 'Bearer a.b.c']) t.equal(authenticate(createCallerRegistry(undefined, new FakeClock()), value), undefined)
})

test('no arbitrary text is accepted as a caller, and none makes it throw', async t => {
  const { registry } = setUp()
  const text = fc.string({ unit: 'binary' })
  const value = fc.oneof(text, text.map(basic), text.map(token => `Bearer ${token}`), fc.string().map(secret => basic(`legacy:${secret}`)), fc.tuple(fc.base64String(), fc.base64String(), fc.base64String()).map(parts => `Bearer ${parts.join('.')}`))
  await t.resolves(fc.assert(fc.asyncProperty(value, async authorization => await registry.identify(authorization) === undefined), { numRuns: 2_000 }))
})
