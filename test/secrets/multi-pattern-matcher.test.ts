import { test } from 'tap'
import fc from 'fast-check'
import { MultiPatternMatcher } from '../../src/secrets/multi-pattern-matcher.ts'

test('what is found is what a search for each text finds', async t => {
  // Few letters, so that patterns match, overlap and share prefixes; and letters whose codes differ in the high bits only.
  const letters = fc.constantFrom('a', 'b', 'A', '\u0141', '\u8061', '=')
  const texts = fc.array(fc.string({ unit: letters, minLength: 3, maxLength: 9 }), { maxLength: 12 })
  fc.assert(fc.property(texts, fc.string({ unit: letters, maxLength: 40 }), (texts, haystack) => {
    return new MultiPatternMatcher(texts).matches(haystack) === texts.some(text => haystack.includes(text))
  }), { numRuns: 5_000 })
  const long = fc.array(fc.string({ unit: letters, minLength: 7, maxLength: 300 }), { maxLength: 4 })
  fc.assert(fc.property(long, fc.nat(3), fc.string({ unit: letters, maxLength: 40 }), fc.string({ unit: letters, maxLength: 12 }), (texts, i, before, after) => {
    return new MultiPatternMatcher(texts).matches(`${before}${texts[i] ?? ''}${after}`) === texts.some(text => `${before}${texts[i] ?? ''}${after}`.includes(text))
  }), { numRuns: 2_000 })
  t.throws(() => new MultiPatternMatcher(['ab']), RangeError)
})

test('a text is found at the beginning, in the middle and at the end, and nothing else is', async t => {
  const needles = new MultiPatternMatcher(['secret', 'sesame'])
  for (const haystack of ['secret', 'a secret', 'sesame, open', 'sesecret', '"sesame"']) t.equal(needles.matches(haystack), true, haystack)
  for (const haystack of ['', 's', 'secre', 'ecret', 'SECRET', 'se same']) t.equal(needles.matches(haystack), false, haystack)
  t.equal(new MultiPatternMatcher([]).matches('anything'), false)
})
