import { test } from 'tap'
import { headerValue, headerValues } from '../../src/upstream/header-value.ts'

const HEADERS = ['A', 'b', 'x-Y', 'a', 'X-y', '2']

test('a header is found whatever the case of its name, and never by its value', async t => {
  t.equal(headerValue(HEADERS, 'x-y'), 'a')
  t.equal(headerValue(HEADERS, 'b'), undefined)
  t.strictSame(headerValues(HEADERS, 'x-y'), ['a', '2'])
  t.strictSame(headerValues(HEADERS, 'a'), ['b'])
  t.strictSame(headerValues(HEADERS, 'b'), [])
})
