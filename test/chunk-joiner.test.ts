import { test } from 'tap'
import { ChunkJoiner, KeptChunks } from '../src/chunk-joiner.ts'

test('chunks that were joined are taken once, in their order', async t => {
  const joiner = new ChunkJoiner()
  for (const text of ['a', 'bc', '']) t.equal(joiner.add(Buffer.from(text)), undefined)
  t.equal(joiner.bytes, 3)
  t.equal(joiner.take()?.toString(), 'abc')
  t.strictSame([joiner.take(), joiner.bytes], [undefined, 0])
})

test('what is full is handed back before it grows, and a chunk does not change when its sender reuses it', async t => {
  const joiner = new ChunkJoiner()
  const chunk = Buffer.alloc(1_000, 'a')
  let whole = 0
  for (let i = 0; i < 40; i++) whole += joiner.add(chunk)?.length ?? 0
  t.equal(whole + joiner.bytes, 40_000)
  t.equal(whole % 16_000, 0)
  chunk.fill('b')
  t.match(joiner.take()?.toString(), /^a+$/)
})

test('a kept body of chunks of one byte is a few buffers, and whole between long ones', async t => {
  const kept = new KeptChunks()
  const sent = [...'x'.repeat(50_000), 'y'.repeat(1_024), ...'z'.repeat(20_000)]
  for (const piece of sent) kept.add(Buffer.from(piece))
  t.equal(kept.bytes, sent.join('').length)
  t.equal(Buffer.concat(kept.all()).toString(), sent.join(''))
  t.ok(kept.all().length < 10, `${kept.all().length} buffers`)
})

test('a long chunk is kept as it is, without a copy', async t => {
  const kept = new KeptChunks()
  const long = Buffer.alloc(1_024)
  kept.add(long)
  t.equal(kept.all()[0], long)
})
