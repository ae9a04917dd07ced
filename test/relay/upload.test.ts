import { test } from 'tap'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { ReplayBudget, ReplayBuffer } from '../../src/relay/replay-buffer.ts'
import { Upload } from '../../src/relay/upload.ts'

test('a chunk and an upstream that takes more are progress; a caller is not blamed for the time AMSU took', async t => {
  let progress = 0
  const source = new PassThrough()
  const upload = new Upload(source as unknown as IncomingMessage, {
    limitBytes: 1_000,
    replay: new ReplayBuffer(new ReplayBudget(0)),
    onProgress: () => { progress++ },
    onTooLarge: () => { t.fail('is not too large') },
  })
  upload.resume()
  progress = 0
  source.emit('data', Buffer.from('x'))
  t.equal(progress, 1)
  upload.pause()
  t.ok(upload.isPaused)
  t.equal(progress, 1)
  upload.resume()
  t.notOk(upload.isPaused)
  t.equal(progress, 2)
})
