import { test } from 'tap'
import { chunkSize, isTrailer } from '../../src/upstream/chunk-lines.ts'

test('a chunk line is a size, padded or not, and extensions that are ignored', async t => {
  for (const [line, size] of [['0', 0], ['A', 10], ['0000ff ', 255], ['1;a', 1], ['2 ; a = "b;\\"" ;c', 2]] as const) t.equal(chunkSize(line), size, line)
  for (const line of ['', ' ', '-1', '+1', '0x1', '1 2', '1;', '1;a=', '1;"a"', '1;a="']) t.ok(Number.isNaN(chunkSize(line)), line)
})

test('a trailer is a name and a value', async t => {
  for (const line of ['A: b', 'A:', 'A : b\t\xff']) t.ok(isTrailer(line), line)
  for (const line of ['A', ': b', ' A: b', 'A: \x01']) t.notOk(isTrailer(line), line)
})
