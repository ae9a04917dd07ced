import { test } from 'tap'
import { format, inspect } from 'node:util'
import { REDACTED, Secret } from '../../src/secrets/secret.ts'

const VALUE = 'hidden-value-21c8'

test('a secret reveals its value only by an explicit call', async t => {
  t.equal(new Secret(VALUE).reveal(), VALUE)
  t.equal(new Secret('').reveal(), '')
})

test('a secret prints as [redacted], however it is printed', async t => {
  const secret = new Secret(VALUE)
  for (const [name, text] of [
    ['a template', `${String(secret)}`],
    ['concatenation', '' + String(secret)],
    ['JSON', JSON.parse(JSON.stringify(secret))],
    ['inspect', inspect(secret)],
    ['%s', format('%s', secret)],
    ['%o', format('%o', secret)],
    ['join', [secret].join()],
    ['an error', new Error(String(secret)).message],
  ] as const) {
    t.equal(text, REDACTED, name)
  }
})

test('a secret deep inside something prints as [redacted] too', async t => {
  const nest = { list: [{ secret: new Secret(VALUE) }], map: new Map([['secret', new Secret(VALUE)]]) }
  t.equal(JSON.stringify(nest.list), `[{"secret":"${REDACTED}"}]`)
  for (const text of [inspect(nest, { depth: 20, showHidden: true, getters: true }), inspect(nest, { depth: 20, showHidden: true, customInspect: false }), format('%O', nest)]) t.notMatch(text, VALUE)
})

test('nothing that lists the fields of an object finds the value of a secret', async t => {
  const secret = new Secret(VALUE)
  t.strictSame(Reflect.ownKeys(secret), [])
  t.strictSame({ ...secret }, {})
  t.notMatch(JSON.stringify(structuredClone({ ...secret })), VALUE)
})
