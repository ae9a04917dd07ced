import { test } from 'tap'
import { releaseBuffer } from '../../src/upstream/memory.ts'

/** Before Node.js 22 memory cannot be released by hand: then only the call can be observed. */
const canFree = 'transfer' in ArrayBuffer.prototype

/** A buffer, and the calls that shrink its memory. */
function observed (buffer: Buffer): { buffer: Buffer, lengths: number[] } {
  const lengths: number[] = []
  const memory = buffer.buffer as ArrayBuffer & { transfer?: (length: number) => ArrayBuffer }
  const { transfer } = memory
  Object.defineProperty(memory, 'transfer', { value: (length: number) => { lengths.push(length); return transfer?.call(memory, length) } })
  return { buffer, lengths }
}

test('memory is freed that belongs to a buffer alone, and what is left of the buffer is empty', async t => {
  for (const size of [8_192, 65_536, 1_000_000]) {
    const { buffer, lengths } = observed(Buffer.alloc(size, 'x'))
    releaseBuffer(buffer)
    t.strictSame(lengths, [0], `${size} bytes`)
    t.equal(buffer.length, canFree ? 0 : size)
  }
})

test('memory that others may use is left alone: small buffers, parts of larger ones, shared memory', async t => {
  const large = Buffer.alloc(100_000, 'x')
  const { lengths } = observed(large)
  for (const [name, buffer] of [
    ['empty', Buffer.alloc(0)],
    ['small', Buffer.alloc(8_191, 'x')],
    ['pooled', Buffer.from('x'.repeat(1_000))],
    ['the first part', large.subarray(0, 99_999)],
    ['the last part', large.subarray(1)],
    ['a part in the middle', large.subarray(10, 90_000)],
    ['shared', Buffer.from(new SharedArrayBuffer(10_000)).fill('x')],
  ] as const) {
    const { length } = buffer
    const text = buffer.toString('latin1')
    releaseBuffer(buffer)
    t.equal(buffer.length, length, name)
    t.equal(buffer.toString('latin1'), text, name)
  }
  t.strictSame(lengths, [])
  t.equal(large.length, 100_000)
})

test('what has been freed can be freed again, and a view of it is empty, too', async t => {
  const buffer = Buffer.alloc(10_000, 'x')
  const view = buffer.subarray(5, 10)
  releaseBuffer(buffer)
  releaseBuffer(buffer)
  t.equal(buffer.length, canFree ? 0 : 10_000)
  t.equal(view.length, canFree ? 0 : 5)
})
