import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { createLogDestination, type LogDestination } from '../../src/report/log-destination.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { until } from '../support/until.ts'

/** A destination that writes to a file, and what is in the file. */
function open (t: Test, clock = new FakeClock()): { log: LogDestination, clock: FakeClock, text: () => string } {
  const path = join(t.testdir(), 'log')
  const log = createLogDestination(openSync(path, 'a'), clock)
  return { log, clock, text: () => readFileSync(path, 'utf8') }
}

test('a line is written a moment later, together with those that came meanwhile', async t => {
  const { log, clock, text } = open(t)
  log.write('one\n')
  log.write('two\n')
  t.equal(text(), '')
  await clock.advance(10)
  await until(() => text() === 'one\ntwo\n')
  log.write('three\n')
  await clock.advance(10)
  await until(() => text() === 'one\ntwo\nthree\n')
})

test('many lines do not wait', async t => {
  const { log, text } = open(t)
  const line = `${'x'.repeat(999)}\n`
  for (let i = 0; i < 40; i++) log.write(line)
  await until(() => text().length === 34_000)
})

test('closing writes what waits, and takes no more', async t => {
  const { log, text } = open(t)
  log.write('last\n')
  const closed = log.close()
  log.write('too late\n')
  await closed
  t.equal(text(), 'last\n')
})

test('closing gives up on a disk that is full', async t => {
  const log = createLogDestination(openSync('/dev/full', 'w'), systemClock)
  log.write('lost\n')
  await log.close()
  t.pass('and the process can end')
})

test('a backlog of more than 4 MiB costs lines, not memory', async t => {
  const { log, text } = open(t)
  const line = `${'x'.repeat(16_383)}\n`
  // Nothing is written while this loop runs.
  for (let i = 0; i < 1_000; i++) log.write(line)
  await log.close()
  t.ok(text().length >= 1_048_576 && text().length <= 5 * 1_048_576, `${text().length} of ${1_000 * line.length} characters`)
})
