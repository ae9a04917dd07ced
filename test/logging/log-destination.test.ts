import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { test, type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { createLogDestination, type LogDestination } from '../../src/logging/log-destination.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** Destinations that write to a file and to a pipe, and what was written. */
function open (t: Test, clock = new FakeClock()): Array<{ name: string, log: LogDestination, clock: FakeClock, text: () => string }> {
  const path = join(t.testdir(), 'log')
  let read = ''
  const pipe = new Writable({ write (chunk, _encoding, callback) { read += String(chunk); callback() } })
  return [
    { name: 'file', log: createLogDestination(openSync(path, 'a'), clock), clock, text: () => readFileSync(path, 'utf8') },
    { name: 'pipe', log: createLogDestination(pipe, clock), clock, text: () => read },
  ]
}

test('a line is written a moment later, together with those that came meanwhile', async t => {
  for (const { name, log, clock, text } of open(t)) {
    log.write('one\n')
    log.write('two\n')
    t.equal(text(), '', name)
    await clock.advance(50)
    t.equal(text(), 'one\ntwo\n', name)
    log.write('three\n')
    await clock.advance(50)
    t.equal(text(), 'one\ntwo\nthree\n', name)
  }
})

test('many lines do not wait', async t => {
  for (const { name, log, text } of open(t)) {
    const line = `${'x'.repeat(999)}\n`
    for (let i = 0; i < 40; i++) log.write(line)
    t.equal(text().length, 34_000, name)
  }
})

test('closing writes what waits, and takes no more', async t => {
  for (const { name, log, text } of open(t)) {
    log.write('last\n')
    const closed = log.close()
    log.write('too late\n')
    await closed
    t.equal(text(), 'last\n', name)
  }
})

test('a disk that is full costs lines, and holds up nothing', async t => {
  const log = createLogDestination(openSync('/dev/full', 'w'), systemClock)
  log.write('lost\n')
  await log.close()
  t.equal(log.droppedLines, 0, 'it waits until the end')
})

test('a pipe that is not read loses lines, not memory, and closing waits for it half a second at most', async t => {
  const stuck = new Writable({ write () {} }) // never completes
  const clock = new FakeClock()
  const log = createLogDestination(stuck, clock)
  const line = `${'x'.repeat(16_383)}\n`
  for (let i = 0; i < 1_000; i++) log.write(line)
  t.ok(stuck.writableLength > 3 * 1_048_576 && stuck.writableLength <= 4 * 1_048_576, `${stuck.writableLength} bytes wait`)
  const closed = log.close()
  await clock.advance(500)
  await closed
  t.ok(stuck.writableLength <= 4 * 1_048_576)
})

test('lines that cannot be written are dropped completely, counted, and reported as soon as writing is possible again', async t => {
  let taken = ''
  let isStuck = true
  const waiting: Array<() => void> = []
  const reader = new Writable({
    decodeStrings: false,
    write (chunk, _encoding, callback) { taken += String(chunk); if (isStuck) waiting.push(callback); else setImmediate(callback) },
  })
  const log = createLogDestination(reader, new FakeClock(), line => `> ${line}`)
  const sent = 1_000
  for (let i = 0; i < sent; i++) log.write(`{"i":${i},"text":"${'x'.repeat(16_383)}"}\n`)
  t.ok(log.droppedLines > 700, `${log.droppedLines} lines are lost`)
  isStuck = false
  for (const callback of waiting) callback()
  while (reader.writableLength > 0) await new Promise(resolve => setImmediate(resolve))
  const told = taken.split('\n').slice(0, -1).map(line => JSON.parse(line.slice(2)) as { i?: number, level?: number, lines?: number, msg?: string })
  t.match(told.at(-1), { level: 40, lines: log.droppedLines, msg: /lost/ })
  t.strictSame(told.slice(0, -1).map(({ i }) => i), Array.from({ length: sent - log.droppedLines }, (_, i) => i), 'what is there is whole, and in order')
  log.write('{"i":-1}\n')
  await log.close()
  t.match(taken, /lost[^\n]+\n> \{"i":-1\}\n$/, 'it is told once')
})

test('a pipe that its reader has closed costs lines, and closing does not wait for it', async t => {
  const gone = new Writable({ write (_chunk, _encoding, callback) { callback(Object.assign(new Error('gone'), { code: 'EPIPE' })) } })
  const log = createLogDestination(gone, new FakeClock())
  log.write('lost\n')
  await log.close()
  log.write('too late to be counted\n')
  t.equal(log.droppedLines, 1)
})
