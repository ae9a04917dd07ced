import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { DescriptorWriter } from '../../src/logging/descriptor-writer.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** A pipe that refuses bytes that do not fit, as a paused terminal does. */
function openPipe (t: Test): { readonly descriptor: number, readonly read: () => string } {
  const path = join(t.testdir(), 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  t.teardown(() => { closeSync(reader); closeSync(descriptor) })
  const buffer = Buffer.alloc(1_048_576)
  return {
    descriptor,
    read () {
      try {
        return buffer.toString('latin1', 0, readSync(reader, buffer))
      } catch {
        return '' // the pipe is empty
      }
    },
  }
}

test('what is not taken at once is written later, in order and to the byte', async t => {
  const { descriptor, read } = openPipe(t)
  const clock = new FakeClock()
  let emptied = 0
  const writer = new DescriptorWriter(descriptor, clock, () => { emptied++ })
  let sent = ''
  for (let i = 0; i < 300; i++) {
    const line = `${i} ${'x'.repeat(997)}\n`
    sent += line
    writer.write(line)
  }
  t.ok(writer.queuedBytes > 200_000, `${writer.queuedBytes} bytes wait`)
  t.equal(emptied, 0)
  let got = ''
  while (writer.queuedBytes > 0) {
    got += read()
    await clock.advance(250)
  }
  got += read()
  t.equal(got, sent)
  t.equal(emptied, 1)
  t.equal(clock.pending, 0, 'nothing is tried when nothing waits')
})

test('a failed write is retried after growing pauses, four times a second at most', async t => {
  const full = openSync('/dev/full', 'w')
  t.teardown(() => { closeSync(full) })
  const clock = new FakeClock()
  const writer = new DescriptorWriter(full, clock, () => {})
  writer.write('waits\n')
  writer.write('waits too\n')
  await clock.advance(1_000)
  t.strictSame(clock.delays.slice(0, 7), [10, 20, 40, 80, 160, 250, 250])
  t.equal(writer.queuedBytes, 16)
})

test('settling waits for a reader, but neither for ever nor for a disk', async t => {
  const clock = new FakeClock()
  const full = openSync('/dev/full', 'w')
  t.teardown(() => { closeSync(full) })
  const toDisk = new DescriptorWriter(full, clock, () => {})
  toDisk.write('lost\n')
  await toDisk.settle(500)
  t.equal(clock.monotonic(), 1_000, 'no time went by')

  const { descriptor, read } = openPipe(t)
  const writer = new DescriptorWriter(descriptor, clock, () => {})
  for (let i = 0; i < 2; i++) {
    writer.write('x'.repeat(100_000))
    let isSettled = false
    const settled = writer.settle(500).then(() => { isSettled = true })
    await clock.advance(100)
    t.notOk(isSettled)
    if (i === 0) {
      read()
      await clock.advance(300)
      t.equal(writer.queuedBytes, 0)
    } else {
      await clock.advance(405)
      t.ok(writer.queuedBytes > 0, 'nobody read')
    }
    await settled
  }
})
