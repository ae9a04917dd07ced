import { test } from 'tap'
import { instant } from '../../src/clock.ts'
import type { Tokens } from '../../src/relay/context.ts'
import { ExchangeTokens } from '../../src/relay/exchange-tokens.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { AccessToken } from '../../src/token/access-token.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

/** The tokens of an exchange before a source that does what the test says, and the waits that it was asked for. */
function setUp (source: Partial<Tokens> = {}) {
  const clock = new FakeClock()
  const waits: Array<{ signal: AbortSignal, waitedMs: number, resolve: (token: AccessToken) => void, reject: (error: Error) => void }> = []
  const invalidated: AccessToken[] = []
  const tokens: Tokens = {
    current: () => undefined,
    acquire: async (signal, waitedMs) => await new Promise((resolve, reject) => { waits.push({ signal, waitedMs, resolve, reject }) }),
    isUsable: () => true,
    invalidate (token) { invalidated.push(token); return true },
    ...source,
  }
  const issue = (value: string): AccessToken => new AccessToken(new Secret(value.padEnd(40, 'x')), instant(clock), 86_400_000)
  return { clock, invalidated, issue, tokens: new ExchangeTokens({ clock, tokens }), waits }
}

test('the waits of one request are added up, so that all of them have one limit; the time between them does not count', async t => {
  const { clock, issue, tokens, waits } = setUp()
  for (const waitMs of [1_500, 250, 0, 3_000]) {
    const token = tokens.acquire()
    await clock.advance(waitMs)
    waits.at(-1)?.resolve(issue('a'))
    await token
    await clock.advance(10_000)
  }
  t.strictSame(waits.map(({ waitedMs }) => waitedMs), [0, 1_500, 1_750, 1_750])
})

test('a rejected token is never given again, whether it is the current one, or one with its value is issued', async t => {
  let current: AccessToken | undefined
  const { invalidated, issue, tokens, waits } = setUp({ current: () => current })
  const [rejected, again, other] = [issue('one'), issue('one'), issue('two')]
  current = rejected
  t.equal(tokens.current(), rejected)
  tokens.reject(rejected)
  t.strictSame(invalidated, [rejected])
  t.ok(tokens.isReplaced)
  for (current of [rejected, again]) t.equal(tokens.current(), undefined)
  const waiting = tokens.acquire()
  waits[0]?.resolve(again)
  await t.rejects(waiting, { code: 'TOKEN_UNAVAILABLE' })
  current = other
  t.equal(tokens.current(), other)
  const next = tokens.acquire()
  waits[1]?.resolve(other)
  t.equal(await next, other)
})

test('without another token the request is not replaced, and the source’s own error ends the wait', async t => {
  const { issue, tokens, waits } = setUp({ invalidate: () => false })
  t.notOk(tokens.isReplaced)
  tokens.reject(issue('one'))
  t.notOk(tokens.isReplaced)
  const cause = new Error('rejected credentials')
  const waiting = tokens.acquire()
  waits[0]?.reject(cause)
  await t.rejects(waiting, cause)
})

test('a request that ends stops its wait, and only the one that lasts', async t => {
  const { issue, tokens, waits } = setUp()
  tokens.stopWaiting()
  const first = tokens.acquire()
  waits[0]?.resolve(issue('a'))
  await first
  tokens.acquire().catch(() => {})
  await settled()
  tokens.stopWaiting()
  t.strictSame(waits.map(({ signal }) => signal.aborted), [false, true])
})
