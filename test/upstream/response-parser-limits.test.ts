/**
 * Limits of the response parser: responses that never end, and backpressure.
 */
import { test } from 'tap'
import { ResponseParser } from '../../src/upstream/response-parser.ts'
import { ResponseLog } from './response-log.ts'

const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKS = `${OK}Transfer-Encoding: chunked\r\n\r\n`

/** Bytes to send, if the response is not rejected before. */
const MAX_BYTES = 50_000

function begun (): { parser: ResponseParser, log: ResponseLog } {
  const log = new ResponseLog()
  const parser = new ResponseParser()
  parser.begin('GET', log)
  return { parser, log }
}

test('a head, chunk line or trailer section without an end is rejected after 16 KiB, in pieces of any size (CVE-2024-22019)', async t => {
  for (const [name, start, unit] of [
    ['a status text', 'HTTP/1.1 200 ', 'x'],
    ['a value', `${OK}A: `, 'x'],
    ['headers', OK, 'A: b\r\n'],
    ['line breaks', OK, 'A:\r'],
    ['a chunk size', CHUNKS, '0'],
    ['a chunk extension', `${CHUNKS}1;`, 'x'],
    ['a quoted chunk extension', `${CHUNKS}1;x="`, '\\"'],
    ['an end of a chunk', `${CHUNKS}1\r\nx`, '\r'],
    ['a trailer', `${CHUNKS}0\r\nA: `, 'x'],
    ['trailers', `${CHUNKS}0\r\n`, 'A: b\r\n'],
  ] as const) {
    for (const size of [1, 1_000, 16_383, 16_384, 16_385, 65_536, 300_000]) {
      const { parser } = begun()
      parser.read(Buffer.from(start))
      const piece = Buffer.from(unit.repeat(Math.ceil(size / unit.length)).slice(0, Math.max(size, unit.length)))
      let bytes = 0
      t.throws(() => {
        for (; bytes < MAX_BYTES; bytes += piece.length) if (parser.read(piece) < piece.length) break
      }, { code: 'ERR_INVALID_RESPONSE' }, `${name} in pieces of ${size}`)
    }
  }
})

test('interim responses without an end are rejected after 256 KiB, however large each is, and each request may have as many', async t => {
  for (const length of [0, 1_000, 16_000]) {
    const { log, parser } = begun()
    const interim = Buffer.from(`HTTP/1.1 102 Wait${'x'.repeat(length)}\r\n\r\n`)
    const fitting = Math.floor(262_144 / (interim.length - 4))
    for (const which of ['first', 'second']) {
      parser.begin('GET', log)
      for (let i = 0; i < fitting; i++) parser.read(interim)
      t.notOk(parser.isComplete, which)
    }
    t.throws(() => parser.read(interim), { code: 'ERR_INVALID_RESPONSE' }, `${fitting} of ${interim.length} bytes, and one more`)
    t.equal(log.heads, 0)
  }
})

test('many small chunks in one piece cost what their bytes do: not a look at all the rest for each', async t => {
  const { parser, log } = begun()
  parser.read(Buffer.from(CHUNKS))
  let bytes = 0
  log.onResponseData = piece => { bytes += piece.length; return true }
  const piece = Buffer.from('1\r\nx\r\n'.repeat(11_000))
  const small = Buffer.from('1\r\nx\r\n'.repeat(11))
  const msOf = (read: () => void): number => {
    const start = performance.now()
    read()
    return performance.now() - start
  }
  const times = Array.from({ length: 5 }, () => ({
    apart: msOf(() => { for (let i = 0; i < 1_000; i++) parser.read(small) }),
    together: msOf(() => { parser.read(piece) }),
  }))
  const best = (key: 'apart' | 'together'): number => Math.min(...times.map(time => time[key]))
  t.comment(`11,000 chunks: ${best('apart').toFixed(1)} ms in 1,000 pieces, ${best('together').toFixed(1)} ms in one`)
  t.equal(bytes, 110_000)
  t.ok(best('together') < 4 * best('apart'))
})

test('a handler that takes no more pauses the parser until the next read', async t => {
  const { parser, log } = begun()
  parser.read(Buffer.from(CHUNKS))
  t.notOk(parser.isPaused)
  log.takesMore = false
  parser.read(Buffer.from('5\r\nhello\r\n'))
  t.ok(parser.isPaused)
  log.takesMore = true
  parser.read(Buffer.from('5\r\nhello'))
  t.notOk(parser.isPaused)
})

test('bytes without any of a body do not pause the parser: the handler would not know that it has to resume', async t => {
  for (const piece of ['\r\n', '\r', '1', '1;x', '0\r\nA: b']) {
    const { parser, log } = begun()
    parser.read(Buffer.from(CHUNKS))
    log.takesMore = false
    parser.read(Buffer.from(piece.startsWith('\r') ? '5\r\nhello' : '5\r\nhello\r\n'))
    t.ok(parser.isPaused)
    parser.read(Buffer.from(piece))
    t.notOk(parser.isPaused, JSON.stringify(piece))
  }
})

test('backpressure of the last response does not pause the next one', async t => {
  for (const piece of ['HTTP/1.1 20', 'HTTP/1.1 103 Hints\r\n\r\n']) {
    const { parser, log } = begun()
    log.takesMore = false
    parser.read(Buffer.from(`${OK}Content-Length: 2\r\n\r\nok`))
    t.ok(parser.isComplete)
    parser.begin('GET', log)
    parser.read(Buffer.from(piece))
    t.notOk(parser.isPaused, JSON.stringify(piece))
  }
})

test('what a handler throws ends the parsing, and nothing more is reported', async t => {
  const { parser, log } = begun()
  log.onResponseStart = () => { throw new Error('cannot be forwarded') }
  t.throws(() => parser.read(Buffer.from(`${OK}Content-Length: 2\r\n\r\nok`)), { message: 'cannot be forwarded' })
  t.equal(log.body, '')
})
