import { test } from 'tap'
import { MAX_KEPT, VerifiedTokens } from '../../src/callers/verified-tokens.ts'

test('a verified token is found until it expires', async t => {
  const tokens = new VerifiedTokens()
  tokens.add('d', { name: 'legacy', expiresAtMs: 1_000 })
  t.equal(tokens.find('d', 999), 'legacy')
  t.equal(tokens.find('other', 0), undefined)
  t.equal(tokens.find('d', 1_000), undefined)
  t.equal(tokens.size, 0, 'and then takes no room')
})

test('one token takes one place', async t => {
  const tokens = new VerifiedTokens()
  tokens.add('d', { name: 'legacy', expiresAtMs: 1_000 })
  tokens.add('d', { name: 'legacy', expiresAtMs: 1_000 })
  t.equal(tokens.size, 1)
})

test('past a thousand tokens the one not seen for longest goes', async t => {
  const tokens = new VerifiedTokens()
  for (let i = 0; i < MAX_KEPT; i++) tokens.add(`d${i}`, { name: `n${i}`, expiresAtMs: 1 })
  t.equal(tokens.find('d0', 0), 'n0')
  tokens.add('new', { name: 'new', expiresAtMs: 1 })
  t.equal(tokens.size, 1_000)
  t.equal(tokens.find('d1', 0), undefined)
  t.strictSame(['d0', 'd2', 'new'].map(digest => tokens.find(digest, 0)), ['n0', 'n2', 'new'])
})
