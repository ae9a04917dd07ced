import { test } from 'tap'
import { ReplayBudget } from '../../src/relay/replay-buffer.ts'
import { poll, setUp, turn } from './request-body-setup.ts'

test('a body is ready with its first piece, and not read further before there is a connection', async t => {
  const { body, source, start, written } = setUp()
  let isReady = false
  body.whenReady(() => { isReady = true })
  await turn()
  t.notOk(isReady, 'nothing has come')
  source.write('one')
  await turn()
  t.ok(isReady)
  t.ok(source.isPaused(), 'the client is paused')
  t.equal(body.forAttempt(), body, 'nothing of it was sent')
  source.write('two')
  await turn()
  t.strictSame(written, [])
  start()
  await turn()
  t.strictSame(written, ['one', 'two freed'])
})

test('an empty body is ready at its end', async t => {
  const { body, source, start, written } = setUp()
  let isReady = false
  body.whenReady(() => { isReady = true })
  source.end()
  await new Promise(resolve => { source.once('end', resolve) })
  await poll()
  t.ok(isReady)
  start()
  t.strictSame(written, ['end'])
})

test('a body that waits for its second connection begins with its first piece', async t => {
  const { body, source, start, written } = setUp()
  body.whenReady(() => {})
  source.write('one')
  await turn()
  let isReady = false
  body.whenReady(() => { isReady = true })
  t.ok(isReady, 'the first piece is still there')
  start()
  t.strictSame(written, ['one'])
})

test('AMSU that takes no more pauses the client, whose silence does not count then (backpressure)', async t => {
  const scene = setUp()
  const { body, source, start } = scene
  body.whenReady(() => {})
  scene.takesMore = false
  source.write('one')
  await turn()
  start()
  t.ok(body.isPaused)
  t.ok(source.isPaused())
  body.resume()
  t.notOk(body.isPaused)
  t.equal(scene.progress, 2, 'a piece and the room for more are progress')
})

test('memory is freed only of what is not kept for a second sending, and all that was kept is sent again', async t => {
  const { body, source, start, written } = setUp()
  body.whenReady(() => {})
  source.write('abc')
  await turn()
  start()
  source.end('d')
  await new Promise(resolve => { source.once('end', resolve) })
  await poll()
  t.strictSame(written, ['abc', 'd', 'end'])
  t.equal(body.forAttempt().toString(), 'abcd')
  t.equal(body.forAttempt().toString(), 'abcd', 'as often as there are attempts')
  body.release()
  t.throws(() => body.forAttempt(), 'AMSU has responded')
})

test('the last piece of a length waits until the client was seen to stay, and nothing of it is sent for a client that leaves', async t => {
  for (const leaves of [false, true]) {
    const { body, source, start, written } = setUp({ lengthBytes: 8 })
    body.whenReady(() => {})
    source.write('abc')
    await turn()
    start()
    source.write('de')
    await turn()
    source.end('fgh')
    await new Promise(resolve => { source.once('end', resolve) })
    t.strictSame(written, ['abc', 'de freed'], 'the last byte is here, and kept back')
    if (leaves) body.close()
    await poll()
    t.strictSame(written, ['abc', 'de freed', ...leaves ? [] : ['fgh freed', 'end']])
  }
})

test('the last chunk of a chunked body waits until the client was seen to stay', async t => {
  const { body, source, start, written } = setUp()
  body.whenReady(() => {})
  source.end('abc')
  await new Promise(resolve => { source.once('end', resolve) })
  start()
  t.strictSame(written, ['abc'])
  await poll()
  t.strictSame(written, ['abc', 'end'])
})

test('a body that was there before its connection is written in one piece', async t => {
  const { body, source, start, written } = setUp({ lengthBytes: 3 })
  body.whenReady(() => {})
  source.end('abc')
  await poll()
  start()
  t.strictSame(written, ['abc', 'end'])
})

test('a body of one piece is ready at its end, although nothing more would fit the replay budget', async t => {
  const { body, source, written, start } = setUp({ lengthBytes: 5, keptBytes: 0 })
  body.whenReady(start)
  source.write('hello')
  await turn()
  source.end()
  await poll()
  await poll()
  t.strictSame(written, ['hello freed', 'end'])
})

test('a body that is whole when it gets its connection writes all but its last byte at once, and that when its client was seen to stay', async t => {
  const { body, source, start, written } = setUp({ lengthBytes: 5, keptBytes: 1_000_000 })
  body.whenReady(() => {})
  source.write('ab')
  await turn()
  source.end('cde')
  start()
  t.strictSame(written, ['ab', 'cd'])
  await poll()
  t.strictSame(written, ['ab', 'cd', 'e', 'end'])
})

test('a body that AMSU rejected early is read to its end without being sent, so that it can be sent again', async t => {
  const { body, source, start, written } = setUp()
  body.whenReady(() => {})
  source.write('ab')
  await turn()
  start()
  body.destroy()
  let isComplete: boolean | undefined
  body.collect(collected => { isComplete = collected })
  t.ok(body.isCollecting)
  t.throws(() => body.forAttempt(), 'not yet')
  source.end('cd')
  await new Promise(resolve => { source.once('end', resolve) })
  await poll()
  t.equal(isComplete, true)
  t.notOk(body.isCollecting)
  t.strictSame(written, ['ab'])
  t.equal(body.forAttempt().toString(), 'abcd')
})

test('a body that grows too large while it is read for a replay is reported at once', async t => {
  const { body, source, start } = setUp()
  body.whenReady(() => {})
  source.write('ab')
  await turn()
  start()
  body.destroy()
  const told: boolean[] = []
  body.collect(isComplete => { told.push(isComplete) })
  source.write('cde')
  await turn()
  t.strictSame(told, [false])
  body.collect(isComplete => { told.push(isComplete) })
  t.strictSame(told, [false, false], 'and again at the next call')
})

test('what comes after the exchange is over goes nowhere, and its memory is given back', async t => {
  const replayBudget = new ReplayBudget(4)
  const { body, source, start, written } = setUp({ replayBudget })
  body.whenReady(() => {})
  source.write('one')
  await turn()
  start()
  body.close()
  body.resume()
  source.end('two')
  await new Promise(resolve => { source.once('close', resolve).resume() })
  t.strictSame(written, ['one'])
  t.ok(replayBudget.take(4 * 16), 'all of the budget is free')
})

test('a body over the limit is reported once, and the chunk that crosses it is not passed on', async t => {
  let tooLarge = 0
  const { body, source, start, written } = setUp({ limitBytes: 3, onTooLarge () { tooLarge++; body.close() } })
  body.whenReady(() => {})
  source.write('one')
  await turn()
  start()
  source.write('two')
  source.write('three')
  await turn()
  t.equal(tooLarge, 1)
  t.strictSame(written, ['one'])
})
