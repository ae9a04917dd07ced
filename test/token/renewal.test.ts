import { test } from 'tap'
import { TokenCallError, type TokenGrant } from '../../src/amsu/token-api.ts'
import type { TokenCallFailureKind } from '../../src/amsu/token-call.ts'
import { instant } from '../../src/clock.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { areSame, Renewal } from '../../src/token/renewal.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { credentialsOf } from './token-source-setup.ts'

/** Attempts whose calls end as `ends` lists: with a token, or with this kind of failure. `events` are calls, secrets and log lines. */
function setUp (ends: Array<'ok' | TokenCallFailureKind>) {
  const clock = new FakeClock()
  const events: string[] = []
  async function end (call: string): Promise<TokenGrant> {
    events.push(call)
    const how = ends.shift() ?? 'transient'
    if (how !== 'ok') throw new TokenCallError('credentials', how, 'test')
    return { accessToken: new Secret('access'), lifeMs: 86_400_000, refreshToken: new Secret('refresh'), issuedAt: instant(clock) }
  }
  const renewal = new Renewal({
    api: { issue: async ({ clientSecret }) => await end(`issue ${clientSecret.reveal()}`), refresh: async call => await end(call) },
    credentials: credentialsOf('old'),
    clock,
    log: { warn: () => { events.push('warned') } },
    onSecret: name => { events.push(`secret ${name}`) },
  })
  return { events, renewal }
}

test('an attempt makes its calls in turn until one gets a token, and reports the new secrets', async t => {
  const { events, renewal } = setUp(['ok', 'method_blocked', 'rejected', 'ok'])
  const situation = { hasFailed: false, isTokenUsable: () => true, isClosed: () => false }
  t.equal(renewal.refreshTokenIssuedAt, undefined)
  t.equal((await renewal.attempt(situation)).call, 'credentials')
  t.ok(renewal.refreshTokenIssuedAt)
  events.length = 0
  t.equal((await renewal.attempt(situation)).call, 'credentials')
  t.strictSame(events, ['refresh_put', 'warned', 'refresh_post', 'warned', 'issue old', 'secret access_token', 'secret refresh_token'])
})

test('an attempt that brings nothing fails as its last call did', async t => {
  const { renewal } = setUp(['rejected'])
  await t.rejects(renewal.attempt({ hasFailed: false, isTokenUsable: () => false, isClosed: () => false }), { name: 'TokenCallError', kind: 'rejected' })
})

test('credentials that bring no token are not used; those that do are, from then on', async t => {
  const { events, renewal } = setUp(['rejected', 'transient', 'ok', 'transient'])
  const situation = { hasFailed: true, isTokenUsable: () => false, isClosed: () => false }
  await t.rejects(renewal.adopt(credentialsOf('new')), { name: 'TokenCallError', kind: 'rejected' })
  await t.rejects(renewal.attempt(situation))
  await renewal.adopt(credentialsOf('newer'))
  await t.rejects(renewal.attempt(situation))
  t.strictSame(events.filter(event => event.startsWith('issue')), ['issue new', 'issue old', 'issue newer', 'issue newer'])
})

test('credentials are known by what they hold; those in use have no refresh token of others', async t => {
  const { renewal } = setUp(['ok', 'ok'])
  await renewal.attempt({ hasFailed: false, isTokenUsable: () => true, isClosed: () => false })
  t.equal(renewal.isInUse(credentialsOf('old')), true)
  t.equal(renewal.isInUse(credentialsOf('new')), false)
  await renewal.adopt(credentialsOf('new'))
  t.equal(renewal.isInUse(credentialsOf('new')), true)
  t.equal(areSame(credentialsOf('a'), credentialsOf('a')), true)
  t.equal(areSame(credentialsOf('a'), credentialsOf('b')), false)
})
