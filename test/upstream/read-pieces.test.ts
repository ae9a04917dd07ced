import { test } from 'tap'
import { ReadPieces } from '../../src/upstream/read-pieces.ts'

test('short chunks are one piece, long ones are passed on as they are, and all keep their order', async t => {
  const passed: Buffer[] = []
  const pieces = new ReadPieces(piece => { passed.push(piece) })
  const long = Buffer.alloc(1_024, 'L')
  for (const chunk of ['a', 'b', 'c', long, 'd', long, ...'ef']) pieces.add(Buffer.from(chunk))
  pieces.end()
  pieces.end()
  t.strictSame(passed.map(String), ['abc', String(long), 'd', String(long), 'ef'])
})

test('a read of nothing but short chunks is a few pieces', async t => {
  const passed: Buffer[] = []
  const pieces = new ReadPieces(piece => { passed.push(piece) })
  for (let i = 0; i < 60_000; i++) pieces.add(Buffer.from('x'))
  pieces.end()
  t.equal(Buffer.concat(passed).length, 60_000)
  t.ok(passed.length < 5, `${passed.length} pieces`)
})

test('a single short chunk is not copied, and what was cleared is not passed on', async t => {
  const passed: Buffer[] = []
  const pieces = new ReadPieces(piece => { passed.push(piece) })
  const chunk = Buffer.from('x')
  for (const count of [1, 2]) {
    for (let i = 0; i < count; i++) pieces.add(chunk)
    pieces.clear()
    pieces.end()
  }
  pieces.add(chunk)
  pieces.end()
  t.equal(passed.length, 1)
  t.equal(passed[0], chunk)
})
