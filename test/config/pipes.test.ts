import { test, type Test } from 'tap'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { loadConfig, loadConfigAtStart } from '../../src/config/config.ts'
import { readPipes } from '../../src/config/pipes.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { until } from '../support/until.ts'

/** Timers of the clock do not keep the process alive; the program does. */
function keepAlive (t: Test): void {
  const keptAlive = setInterval(() => {}, 60_000)
  t.teardown(() => { clearInterval(keptAlive) })
}

function makeFifo (dir: string, name: string): string {
  execFileSync('mkfifo', ['-m', '600', join(dir, name)])
  return join(dir, name)
}

/** Writes to a FIFO with pauses, once it has a reader. */
async function write (path: string, ...texts: string[]): Promise<void> {
  const stream = createWriteStream(path)
  await once(stream, 'open')
  for (const text of texts) {
    stream.write(text)
    await new Promise(resolve => setTimeout(resolve, 60))
  }
  stream.end()
}

test('a FIFO is read once, to the end of its writer, wherever its path comes from', async t => {
  keepAlive(t)
  const dir = t.testdir({ regular: 'an-id' })
  const [secret, dotenv] = [makeFifo(dir, 'secret'), makeFifo(dir, 'dotenv')]
  const writing = [write(dotenv, `AMSU_CLIENT_SECRET_FILE=${secret}\n`, `AMSU_CLIENT_ID_FILE=${join(dir, 'regular')}\n`), write(secret, 'piped-', 'secret\n')]
  const { amsu, files, warnings } = await loadConfigAtStart({ AMSU_BASE_URL: 'https://amsu.test' }, dotenv)
  t.equal(amsu.credentials.clientSecret.reveal(), 'piped-secret')
  t.strictSame(Object.keys(files.seen), [join(dir, 'regular')], 'it is not watched')
  t.strictSame(warnings, ['AMSU_CLIENT_SECRET_FILE: the file is a FIFO, which is read only once; restart the proxy after a change'])
  await Promise.all(writing)
})

test('a FIFO without a writer is rejected in time, as a FIFO', async t => {
  const dir = t.testdir({})
  const fifo = makeFifo(dir, 'secret')
  const clock = new FakeClock()
  const reading = readPipes({ AMSU_CLIENT_SECRET_FILE: fifo }, join(dir, '.env'), clock)
  await until(async () => {
    await clock.advance(1_000)
    return clock.monotonic() > 20_000
  })
  t.strictSame(await reading, new Map())
  t.throws(() => loadConfig({ AMSU_CLIENT_ID: 'id', AMSU_CLIENT_SECRET_FILE: fifo }, '/nonexistent/.env'), { message: `AMSU_CLIENT_SECRET_FILE is a FIFO, not a regular file: ${fifo}` })
})

test('without a FIFO nothing is read, and reading the configuration reports a FIFO that cannot be opened', async t => {
  const dir = t.testdir({ file: 'x', directory: {} })
  t.strictSame(await readPipes({ AMSU_CLIENT_ID_FILE: join(dir, 'file'), CALLERS_FILE: join(dir, 'directory'), AMSU_CA_FILE: join(dir, 'missing') }, join(dir, '.env')), new Map())
})

test('more than a file may hold is rejected, however it comes', async t => {
  keepAlive(t)
  const dir = t.testdir({})
  const fifo = makeFifo(dir, 'secret')
  const stream = createWriteStream(fifo)
  stream.on('error', () => {}) // the reader closes the FIFO first
  stream.write('x'.repeat(2_000_000))
  const closed = new Promise<void>(resolve => { stream.once('close', resolve) })
  await t.rejects(loadConfigAtStart({ AMSU_CLIENT_ID: 'id', AMSU_CLIENT_SECRET_FILE: fifo }, join(dir, '.env')), { message: `AMSU_CLIENT_SECRET_FILE is larger than 1048576 bytes: ${fifo}` })
  stream.destroy()
  await closed
})
