import { test } from 'tap'
import fc from 'fast-check'
import { UnorderedSet, type UnorderedSetItem } from '../../src/relay/unordered-set.ts'

test('a set holds what was added and not removed, whatever the order', async t => {
  fc.assert(fc.property(fc.array(fc.nat(9), { maxLength: 200 }), choices => {
    const items: UnorderedSetItem[] = Array.from({ length: 10 }, () => ({ index: -1 }))
    const set = new UnorderedSet<UnorderedSetItem>()
    const expected = new Set<UnorderedSetItem>()
    for (const choice of choices) {
      const item = items[choice] as UnorderedSetItem
      if (expected.delete(item)) {
        set.remove(item)
      } else {
        expected.add(item)
        set.add(item)
      }
      if (set.size !== expected.size || new Set(set).size !== expected.size || ![...set].every(each => expected.has(each))) return false
    }
    return items.every(item => expected.has(item) === (item.index >= 0))
  }))
  t.pass()
})

test('an item may be removed while it is looked at, and the others are still seen once', async t => {
  const items = Array.from({ length: 6 }, (_, name) => ({ index: -1, name }))
  const set = new UnorderedSet<typeof items[number]>()
  for (const item of items) set.add(item)
  const seen: number[] = []
  for (const item of set) {
    seen.push(item.name)
    if (item.name % 2 === 0) set.remove(item)
  }
  t.same(seen.sort((a, b) => a - b), [0, 1, 2, 3, 4, 5])
  t.same([...set].map(({ name }) => name).sort((a, b) => a - b), [1, 3, 5])
})
