import { test } from 'tap'
import fc from 'fast-check'
import { Bag, type Bagged } from '../../src/relay/bag.ts'

test('a bag holds what was added and not removed, whatever the order', async t => {
  fc.assert(fc.property(fc.array(fc.nat(9), { maxLength: 200 }), choices => {
    const items: Bagged[] = Array.from({ length: 10 }, () => ({ place: -1 }))
    const bag = new Bag<Bagged>()
    const expected = new Set<Bagged>()
    for (const choice of choices) {
      const item = items[choice] as Bagged
      if (expected.delete(item)) {
        bag.remove(item)
      } else {
        expected.add(item)
        bag.add(item)
      }
      if (bag.size !== expected.size || new Set(bag).size !== expected.size || ![...bag].every(each => expected.has(each))) return false
    }
    return items.every(item => expected.has(item) === (item.place >= 0))
  }))
  t.pass()
})

test('an item may be removed while it is looked at, and the others are still seen once', async t => {
  const items = Array.from({ length: 6 }, (_, name) => ({ place: -1, name }))
  const bag = new Bag<typeof items[number]>()
  for (const item of items) bag.add(item)
  const seen: number[] = []
  for (const item of bag) {
    seen.push(item.name)
    if (item.name % 2 === 0) bag.remove(item)
  }
  t.same(seen.sort((a, b) => a - b), [0, 1, 2, 3, 4, 5])
  t.same([...bag].map(({ name }) => name).sort((a, b) => a - b), [1, 3, 5])
})
