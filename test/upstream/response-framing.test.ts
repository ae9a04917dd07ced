import { test } from 'tap'
import { isChunked, readCodings, readLength } from '../../src/upstream/response-framing.ts'

test('a length is one number of digits, however often it is said', async t => {
  for (const [value, before, length] of [
    ['0', undefined, 0], ['12', undefined, 12], ['012', undefined, 12], ['12,12', undefined, 12], [' 12 ,\t012,,', undefined, 12], ['12', 12, 12], ['12, 12', 12, 12],
    ['999999999999999', undefined, 999_999_999_999_999], ['9007199254740991', undefined, Number.MAX_SAFE_INTEGER], ['0'.repeat(9_000), undefined, 0],
  ] as const) t.equal(readLength(value, before), length, value.slice(0, 40))
  for (const [value, before] of [
    ['', undefined], [',', undefined], ['', 12], ['x', undefined], ['12', 13], ['12, 13', undefined], ['13, 12', 12], ['1 2', undefined], ['+1', undefined], ['1e3', undefined], ['0x1', undefined], ['\xa01', undefined], ['\x0b1', undefined],
    ['9007199254740992', undefined], ['9007199254740993', undefined], ['9'.repeat(9_000), undefined], ['9007199254740992, 9007199254740992', undefined],
  ] as const) t.throws(() => readLength(value, before), { code: 'ERR_INVALID_RESPONSE' }, value.slice(0, 40))
})

test('a body comes in chunks if that is the only coding, in however many fields', async t => {
  for (const values of [['chunked'], ['Chunked'], ['chunked', 'chunked'], ['chunked,chunked'], [',chunked\t,'], ['', 'chunked', ' , ']]) {
    t.ok(isChunked({ codings: values.reduce<readonly string[] | undefined>((before, value) => readCodings(value, before), undefined), length: undefined }), values.join('; '))
  }
  for (const values of [[''], [',', ''], ['gzip'], ['gzip', 'chunked'], ['chunked', 'gzip'], ['identity'], ['chunked;a=b'], ['chunked\x0b'], ['chunked chunked']]) {
    const codings = values.reduce<readonly string[] | undefined>((before, value) => readCodings(value, before), undefined)
    t.throws(() => isChunked({ codings, length: undefined }), { code: 'ERR_INVALID_RESPONSE' }, values.join('; '))
  }
  t.notOk(isChunked({ codings: undefined, length: undefined }))
  t.notOk(isChunked({ codings: undefined, length: 5 }))
  t.throws(() => isChunked({ codings: ['chunked'], length: 5 }), { code: 'ERR_INVALID_RESPONSE' })
})
