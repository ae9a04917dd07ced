import { test } from 'tap'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { Upload } from '../../src/relay/upload.ts'

test('a chunk and an upstream that takes more are progress; a caller is not blamed for the time AMSU took', async t => {
  let progress = 0
  let takesMore = true
  const source = new PassThrough()
  const upload = new Upload(source as unknown as IncomingMessage, {
    limitBytes: 1_000,
    keep: () => false,
    onProgress: () => { progress++ },
    onTooLarge: () => { t.fail('is not too large') },
  })
  upload.start({ write: () => takesMore, end: () => {} })
  progress = 0
  source.emit('data', Buffer.from('x'))
  t.equal(progress, 1)
  t.notOk(upload.isPaused)
  takesMore = false
  source.emit('data', Buffer.from('x'))
  t.ok(upload.isPaused)
  t.ok(source.isPaused(), 'the caller is slowed down')
  t.equal(progress, 2)
  upload.resume()
  t.notOk(upload.isPaused)
  t.equal(progress, 3)
})

test('memory is freed only of what nobody keeps for a second sending', async t => {
  const freed: boolean[] = []
  const source = new PassThrough()
  const upload = new Upload(source as unknown as IncomingMessage, { limitBytes: 1_000, keep: chunk => chunk.length === 1, onProgress () {}, onTooLarge () {} })
  upload.start({ write: (_chunk, mayFree) => { freed.push(mayFree); return true }, end () {} })
  source.emit('data', Buffer.from('x'))
  source.emit('data', Buffer.from('xx'))
  t.strictSame(freed, [false, true])
})

test('what comes after the body was let go of goes nowhere', async t => {
  const source = new PassThrough()
  const upload = new Upload(source as unknown as IncomingMessage, { limitBytes: 1_000, keep: () => false, onProgress () {}, onTooLarge () {} })
  upload.start({ write () { t.fail('nobody takes it'); return true }, end () { t.fail('nobody waits for it') } })
  upload.destroy()
  upload.resume()
  source.end('x')
  await new Promise(resolve => { source.once('close', resolve).resume() })
  t.equal(upload.bytes, 0)
})
