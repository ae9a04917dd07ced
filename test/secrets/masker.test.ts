import { test } from 'tap'
import fc from 'fast-check'
import { createMasker, type Masker } from '../../src/secrets/masker.ts'
import { REDACTED, Secret } from '../../src/secrets/secret.ts'

/** Contains a character that each encoding writes differently. */
const VALUE = 'p"a\\s/s wö+rd&~'

/** The encodings of a text in a log line, by name. */
const NOTATIONS: ReadonlyArray<readonly [name: string, write: (text: string) => string]> = [
  ['raw', text => text],
  ['JSON', text => JSON.stringify({ text })],
  ['JSON in JSON', text => JSON.stringify({ text: JSON.stringify({ text }) })],
  ['URL', text => encodeURIComponent(text)],
  ['form', text => new URLSearchParams({ text }).toString()],
  ['base64', text => Buffer.from(text).toString('base64')],
  ['base64url', text => Buffer.from(text).toString('base64url')],
]

function maskerOf (...values: readonly string[]): Masker {
  const masker = createMasker()
  values.forEach((value, i) => { masker.add(`secret ${i}`, new Secret(value)) })
  return masker
}

/** Whether `line` still reveals `value`, in any encoding and at any offset of base64. */
function tells (line: string, value: string): boolean {
  return line.split(REDACTED).some(piece =>
    NOTATIONS.slice(0, 5).some(([name, write]) => piece.includes(name.startsWith('JSON') ? escaped(value, name) : write(value).replace(/^text=/, ''))) ||
    [0, 1, 2, 3].some(offset => Buffer.from(piece.slice(offset), 'base64').includes(value)))
}

function escaped (value: string, name: string): string {
  const once = JSON.stringify(value).slice(1, -1)
  return name === 'JSON' ? once : JSON.stringify(once).slice(1, -1)
}

test('a secret is masked in each notation, and the text around it stays', async t => {
  const masker = maskerOf(VALUE)
  for (const [name, masked] of [
    ['raw', `before ${REDACTED} after`],
    ['JSON', `{"text":"before ${REDACTED} after"}`],
    ['JSON in JSON', `{"text":"{\\"text\\":\\"before ${REDACTED} after\\"}"}`],
    ['URL', `before%20${REDACTED}%20after`],
    ['form', `text=before+${REDACTED}+after`],
  ] as const) {
    const write = NOTATIONS.find(([notation]) => notation === name)?.[1] ?? String
    t.equal(masker.mask(write(`before ${VALUE} after`)), masked, name)
  }
})

test('a secret is masked and guarded where its bytes are read one by one, as in a header', async t => {
  const masker = maskerOf(VALUE)
  const header = Buffer.from(`before ${VALUE} after`).toString('latin1')
  t.equal(masker.mask(header), `before ${REDACTED} after`)
  t.ok(masker.isRevealing(header))
})

test('a secret is masked in base64 at each of the three alignments, with and without padding', async t => {
  const masker = maskerOf(VALUE)
  for (const before of ['', 'a', 'ab', 'abc', 'name:', 'another name:']) {
    for (const after of ['', 'z', 'zy', 'zyx']) {
      for (const notation of ['base64', 'base64url'] as const) {
        const text = Buffer.from(`${before}${VALUE}${after}`).toString(notation)
        t.ok(tells(text, VALUE), 'the oracle of this test sees it')
        t.notOk(tells(masker.mask(text), VALUE), `${notation}, ${before.length} before, ${after.length} after`)
      }
    }
  }
})

test('the secret of a Basic header is masked, the header is still seen to be one', async t => {
  const header = `Basic ${Buffer.from('some-name:some-secret-31').toString('base64')}`
  const masked = maskerOf('some-secret-31').mask(header)
  t.match(masked, /^Basic [A-Za-z0-9]{10,14}\[redacted\]/)
  t.notOk(tells(masked, 'some-secret-31'))
})

test('every occurrence of every secret is masked', async t => {
  t.equal(maskerOf('first-one', 'second-one').mask('first-one second-one first-one'), `${REDACTED} ${REDACTED} ${REDACTED}`)
})

test('a secret that contains another one is masked completely, whichever was added first', async t => {
  for (const masker of [maskerOf('inner', 'inner-and-outer'), maskerOf('inner-and-outer', 'inner')]) {
    t.equal(masker.mask('inner-and-outer inner'), `${REDACTED} ${REDACTED}`)
  }
})

test('a secret that looks like a pattern is taken as it is', async t => {
  t.equal(maskerOf('.*$&[a-z]+').mask('abc .*$&[a-z]+ abc'), `abc ${REDACTED} abc`)
})

test('a text without a secret stays unchanged', async t => {
  const text = '{"level":30,"msg":"request"}\n'
  t.equal(createMasker().mask(text), text)
  t.equal(maskerOf(VALUE, 'another-one').mask(text), text)
})

test('a value that was replaced stays masked until it has been replaced four times', async t => {
  const masker = createMasker()
  const values = ['value-one', 'value-two', 'value-three', 'value-four', 'value-five']
  for (const value of values) masker.add('access_token', new Secret(value))
  t.strictSame(values.filter(value => masker.mask(value) !== REDACTED), ['value-one'])
  t.strictSame(values.filter(value => !masker.isRevealing(value)), ['value-one'])
})

test('values are replaced under their own name only', async t => {
  const masker = createMasker()
  masker.add('clientSecret', new Secret('for-good'))
  for (const value of ['value-one', 'value-two', 'value-three', 'value-four', 'value-five']) masker.add('access_token', new Secret(value))
  t.equal(masker.mask('for-good'), REDACTED)
})

test('a value under four characters is not masked: it would blank out ordinary words', async t => {
  const masker = maskerOf('', 'a', 'or', 'abc')
  t.equal(masker.mask('a word or abc'), 'a word or abc')
  t.equal(masker.isRevealing('a word or abc'), false)
  t.equal(maskerOf('word').mask('a word or abc'), `a ${REDACTED} or abc`)
})

test('a text is revealing if it holds a secret in any notation', async t => {
  const masker = maskerOf('other-secret', VALUE)
  for (const [name, write] of NOTATIONS) {
    t.equal(masker.isRevealing(write(`before ${VALUE} after`)), true, name)
    t.equal(masker.isRevealing(write('before and after')), false, `${name}, without`)
  }
  t.equal(createMasker().isRevealing(VALUE), false)
})

test('any secret, in any text and in any encoding, is masked', async t => {
  const secrets = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map(code => String.fromCharCode(code)), minLength: 8, maxLength: 80 })
  const surroundings = fc.string({ unit: 'binary', maxLength: 40 })
  t.doesNotThrow(() => {
    fc.assert(fc.property(secrets, surroundings, surroundings, fc.constantFrom(...NOTATIONS), (secret, before, after, [, write]) => {
      const masker = maskerOf(secret)
      const line = write(`${before}${secret}${after}`)
      return masker.isRevealing(line) && tells(line, secret) && !tells(masker.mask(line), secret)
    }), { numRuns: 1_000 })
  })
})

test('a value that is added repeatedly pushes out no other value of its name', async t => {
  const masker = createMasker()
  masker.add('caller', new Secret('withdrawn-secret'))
  for (let i = 0; i < 5; i++) masker.add('caller', new Secret('present-secret'))
  t.equal(masker.mask('withdrawn-secret present-secret'), '[redacted] [redacted]')
})

test('a list of ten thousand secrets is added without searching for them anew after each', async t => {
  const masker = createMasker()
  const startedMs = performance.now()
  for (let i = 0; i < 10_000; i++) masker.add(`caller ${i}`, new Secret(`the secret of caller ${i}`))
  t.equal(masker.mask('it is the secret of caller 9999, says the log'), `it is ${REDACTED}, says the log`)
  t.ok(performance.now() - startedMs < 10_000, 'in seconds; a search after each would take many minutes')
})
