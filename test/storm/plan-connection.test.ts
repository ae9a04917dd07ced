import { test } from 'tap'
import { faultQuery, readFault } from './amsu-fault.ts'
import { connectionKinds } from './connection-kinds.ts'
import { isPattern, patternBytes } from './pattern.ts'
import { planConnection } from './plan-connection.ts'
import type { ProxyName } from './script.ts'

const proxies: ProxyName[] = ['plain', 'tls', 'unix', 'localhost']
const plans = Array.from({ length: 3_000 }, (_, index) => planConnection(5, index, proxies))

await test('a seed and an index bring the same connection again, another seed another', t => {
  t.same(plans.slice(0, 300), Array.from({ length: 300 }, (_, index) => planConnection(5, index, proxies)))
  t.notSame(plans.slice(0, 20), Array.from({ length: 20 }, (_, index) => planConnection(6, index, proxies)))
  t.end()
})

await test('every kind of connection comes, to every proxy, and every request has an id of its own', t => {
  t.same(new Set(plans.map(({ name }) => name)), new Set(connectionKinds.map(({ name }) => name)))
  t.same(new Set(plans.map(({ proxy }) => proxy)), new Set(proxies))
  const ids = plans.flatMap(({ requests }) => requests.map(({ id }) => id))
  t.equal(new Set(ids).size, ids.length)
  t.same(ids, plans.flatMap(({ index, requests }) => requests.map((_, place) => `storm-5-${index}-${place}`)))
  t.end()
})

await test('no request is begun twice, and none ends that was not begun', t => {
  const wrong = plans.filter(({ requests, steps }) => {
    const begun: number[] = []
    const ended: number[] = []
    for (const step of steps) {
      if (step.do !== 'send') continue
      begun.push(...step.begins ?? [])
      ended.push(...step.completes ?? [])
    }
    return new Set(begun).size !== begun.length || begun.length !== requests.length || ended.some(place => !begun.includes(place))
  })
  t.same(wrong.map(({ name, index }) => `${name} ${index}`), [])
  t.end()
})

await test('a fault is read from the query it was written to', t => {
  const faults = plans.slice(0, 500).flatMap(({ requests }) => requests.map(({ fault }) => fault))
  t.same(faults.map(fault => readFault(faultQuery(fault))), faults)
  t.equal(readFault('a=b').name, 'plain')
  t.end()
})

await test('a body differs from that of every other request, at every offset', t => {
  const whole = patternBytes('storm-1-2-3', 0, 500)
  for (let from = 0; from < 40; from++) {
    t.ok(isPattern('storm-1-2-3', from, whole.subarray(from, from + 100)))
    t.notOk(isPattern('storm-1-2-4', from, whole.subarray(from, from + 100)))
    t.notOk(isPattern('storm-1-2-3', from + 1, whole.subarray(from, from + 100)))
  }
  t.end()
})
