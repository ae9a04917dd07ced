import { test } from 'tap'
import { hasNoEmptyLabel, withoutFinalDot } from '../../src/upstream/host-name.ts'

test('one final dot is taken away, and no other', async t => {
  for (const [name, expected] of [['a.example.', 'a.example'], ['a.example', 'a.example'], ['a.', 'a'], ['.', ''], ['a..', 'a.'], ['', ''], ['[::1]', '[::1]']] as const) t.equal(withoutFinalDot(name), expected, name)
})

test('only the label behind a final dot may be empty', async t => {
  for (const name of ['a', 'a.', 'a.example', 'a.example.', '127.0.0.1', '[::1]', '[::ffff:1.2.3.4]']) t.ok(hasNoEmptyLabel(name), name)
  for (const name of ['', '.', '..', '.a', 'a..', 'a..b', '.a.', 'a...']) t.notOk(hasNoEmptyLabel(name), name)
})
