import fc from 'fast-check'
import { test } from 'tap'
import { ResponseParser } from '../../src/upstream/response-parser.ts'
import { ResponseLog, readResponse, sliced } from './response-log.ts'

/** The largest head, line or trailer section. */
const LIMIT = 16_384

const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKS = `${OK}Transfer-Encoding: chunked\r\n\r\n`

/** One of each kind, complete or not. */
const RESPONSES = [
  `${OK}Content-Length: 11\r\nX: \xe9\r\n\r\nhello\r\n\r\n!!`,
  `${OK}Content-Length: 0\r\n\r\n`,
  `${OK}Content-Length: 5\r\n\r\nhellobehind`,
  `${OK}Content-Length: 5\r\n\r\nhell`,
  `${OK}A: b\r\n\r\nuntil the end\r\n\r\n`,
  'HTTP/1.1 204 None\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
  'HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n',
  `${CHUNKS}5\r\nhello\r\nA;x="y"\r\n0123\r\n6789\r\n0\r\n\r\nbehind`,
  `${CHUNKS}1;a\r\n\r\r\n00000002\r\n\r\n\r\n000\r\nA: b\r\nC:\r\n\r\n`,
  `${CHUNKS}5\r\nhello\r\n`,
  `${CHUNKS}5\r\nhello0\r\n\r\n`,
  `${CHUNKS}5\nhello\n0\n\n`,
  `${CHUNKS}0\r\nA : b\r\n\r\n`,
  `HTTP/1.1 103 Hints\r\nLink: a\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
  `${OK}A: b\n\r\n\r\n`,
]

test('a response is the same in one piece, byte by byte, and split at any position', async t => {
  for (const response of RESPONSES) {
    const unsplit = readResponse(sliced(response))
    const bytes = [...response].map((_, i) => i)
    t.strictSame(readResponse(sliced(response, bytes)), unsplit, `byte by byte: ${JSON.stringify(response)}`)
    const different = bytes.filter(i => JSON.stringify(readResponse(sliced(response, [i]))) !== JSON.stringify(unsplit))
    t.strictSame(different, [], 'positions that make a difference')
  }
})

test('a response is the same in any pieces', async t => {
  const seed = Date.now() & 0x7fffffff
  const arbitrary = fc.constantFrom(...RESPONSES).chain(response => fc.tuple(fc.constant(response), fc.array(fc.nat(response.length), { maxLength: 9 })))
  fc.assert(fc.property(arbitrary, ([response, positions]) => {
    const [got, unsplit] = [readResponse(sliced(response, positions)), readResponse(sliced(response))]
    return JSON.stringify(got) === JSON.stringify(unsplit)
  }), { seed, numRuns: 2_000 })
  t.pass(`seed ${seed}`)
})

test('parsing stops exactly at the end of a response, and returns where that is', async t => {
  for (const [response, body, ending] of [
    [`${OK}Content-Length: 5\r\n\r\nhello`, 'hello', 'complete'],
    [`${OK}Content-Length: 0\r\n\r\n`, '', 'complete'],
    ['HTTP/1.1 204 None\r\n\r\n', '', 'complete'],
    [`${CHUNKS}5\r\nhello\r\n2;x\r\n\r\n\r\n0\r\n\r\n`, 'hello\r\n', 'complete'],
    [`${CHUNKS}0\r\nA: b\r\n\r\n`, '', 'complete'],
    [`${OK}\r\nhello`, 'hello', 'complete at the end'],
    [`${OK}\r\n`, '', 'complete at the end'],
  ] as const) {
    t.match(readResponse(sliced(response)), { ending, status: 200, body, length: response.length, ...(response.includes('204') ? { status: 204 } : {}) }, response)
    if (ending === 'complete') t.equal(readResponse(sliced(`${response}HTTP/1.1 500 Other\r\n\r\n`)).length, response.length, 'nothing behind it is read')
    const early = [...response].findIndex((_, i) => readResponse(sliced(response.slice(0, i))).ending === 'complete')
    t.equal(early, -1, 'and not before')
  }
  t.match(readResponse(sliced(`${OK}Content-Length: 5\r\n\r\nhello`), 'HEAD'), { ending: 'complete', body: '', length: 38 }, 'HEAD')
})

test('interim responses are skipped; an unsolicited 101 is rejected', async t => {
  for (const status of [100, 102, 103, 104, 199]) {
    for (const fields of ['', 'Content-Length: 3\r\nLink: a\r\n', 'Connection: close\r\n', 'Transfer-Encoding: chunked\r\n']) {
      const interim = `HTTP/1.1 ${status} Wait\r\n${fields}\r\n`
      t.match(readResponse(sliced(`${interim}${interim}${OK}Content-Length: 2\r\n\r\nok`)), { ending: 'complete', status: 200, headers: ['Content-Length', '2'], body: 'ok' }, `${status} ${fields}`)
      t.equal(readResponse(sliced(interim)).ending, 'cut short', 'an interim response is none')
    }
  }
  t.equal(readResponse(sliced('HTTP/1.1 101 No\r\n\r\n')).ending, 'refused')
})

test('an interim response that ends the connection ends it behind the final one, and behind no later one', async t => {
  const log = new ResponseLog()
  const parser = new ResponseParser()
  for (const [interim, isPersistent] of [['HTTP/1.1 103 Hints\r\nConnection: close\r\n\r\n', false], ['HTTP/1.0 100 Continue\r\n\r\n', false], ['HTTP/1.1 103 Hints\r\n\r\n', true]] as const) {
    parser.begin('GET', log)
    parser.read(Buffer.from(`${interim}${OK}Content-Length: 0\r\n\r\n`))
    t.equal(log.head?.isPersistent, isPersistent, interim)
    t.equal(parser.reset()?.isPersistent, isPersistent)
  }
})

test('the first byte of each response is reported once, and before anything else', async t => {
  const log = new ResponseLog()
  const parser = new ResponseParser()
  parser.begin('GET', log)
  parser.read(Buffer.from('H'))
  t.match(log, { started: 1, heads: 0 })
  parser.read(Buffer.from('TTP/1.1 103 Hints\r\n\r\n'))
  parser.read(Buffer.from(`${OK}Content-Length: 1\r\n\r\n`))
  t.match(log, { started: 1, heads: 1 })
})

test('what cannot become a response is rejected as soon as that is known', async t => {
  for (const start of ['\0', 'h', 'GET / HTTP/1.1', 'HTTP/2.0 200', '\r\n', ' HTTP/1.1 200', 'SSH-2.0-x']) {
    t.equal(readResponse(sliced(start)).ending, 'refused', JSON.stringify(start))
    t.equal(readResponse(sliced(start, [...start].map((_, i) => i))).ending, 'refused', `byte by byte: ${JSON.stringify(start)}`)
  }
})

test('chunks that are not written as RFC 9112 has it are rejected', async t => {
  for (const [name, chunks] of [
    ['no size', '\r\n'],
    ['a sign', '+5\r\nhello\r\n'],
    ['a minus', '-5\r\nhello\r\n'],
    ['a prefix', '0x5\r\nhello\r\n'],
    ['another digit', '5g\r\nhello\r\n'],
    ['an underscore', '1_0\r\nhello\r\n'],
    ['a size that overflows', '10000000000000005\r\nhello\r\n'],
    ['a size that no number holds exactly', '20000000000000\r\nhello\r\n'],
    ['a blank inside', '5 5\r\nhello\r\n'],
    ['a line feed in front', '\n5\r\nhello\r\n'],
    ['a list', '5,5\r\nhello\r\n'],
    ['a line that ends with LF', '5\nhello\r\n'],
    ['a line that ends with CR', '5\rhello\r\n'],
    ['an LF in an extension', '5;a\nb\r\nhello\r\n'],
    ['a CR in an extension', '5;a\rb\r\nhello\r\n'],
    ['NUL in an extension', '5;a\0b\r\nhello\r\n'],
    ['an extension without a name', '5;\r\nhello\r\n'],
    ['an extension with bytes for a name', '5;\xff\r\nhello\r\n'],
    ['an extension whose quotes do not end', '5;a="b\r\nhello\r\n'],
    ['a chunk that is too long', '5\r\nhello!\r\n'],
    ['a chunk that is too short', '5\r\nhell\r\n0\r\n\r\n'],
    ['a chunk that ends with LF', '5\r\nhello\n0\r\n\r\n'],
    ['a chunk that ends with CR', '5\r\nhello\r0\r\n\r\n'],
    ['a trailer without a colon', '0\r\nA\r\n\r\n'],
    ['a trailer that is folded', '0\r\nA: b\r\n c\r\n\r\n'],
    ['a trailer with NUL', '0\r\nA: \0\r\n\r\n'],
    ['a trailer with a bare LF', '0\r\nA: b\nC: d\r\n\r\n'],
    ['an end with LF', '0\r\n\n\r\n'],
  ] as const) t.equal(readResponse(sliced(`${CHUNKS}${chunks}`)).ending, 'refused', name)
})

test('trailers are dropped', async t => {
  const { headers, body, ending } = readResponse(sliced(`${CHUNKS}2\r\nok\r\n0\r\nSet-Cookie: a\r\nContent-Length: 9\r\n\r\n`))
  t.strictSame({ headers, body, ending }, { headers: ['Transfer-Encoding', 'chunked'], body: 'ok', ending: 'complete' })
})

test('a buffer that is all body is handed over as it is, and a part of one as a view', async t => {
  const log = new ResponseLog()
  const got: Buffer[] = []
  log.onResponseData = piece => { got.push(piece); return true }
  const parser = new ResponseParser()
  parser.begin('GET', log)
  parser.read(Buffer.from(`${OK}Content-Length: 20000\r\n\r\n`))
  const [first, last] = [Buffer.alloc(10_000, 'a'), Buffer.alloc(10_001, 'b')]
  parser.read(first)
  t.equal(parser.read(last), 10_000)
  t.equal(got[0], first)
  t.equal(got[1]?.buffer, last.buffer)
  t.equal(got[1]?.length, 10_000)
})

test('the limits are the same in one piece and byte by byte', async t => {
  for (const [name, before, after] of [
    ['head', `${OK}Content-Length: 0\r\nX: `, '\r\n\r\n'],
    ['chunk line', `${CHUNKS}0;a=`, '\r\n\r\n'],
    ['trailer', `${CHUNKS}0\r\nX: `, '\r\n\r\n'],
  ] as const) {
    const start = name === 'head' ? 0 : name === 'trailer' ? CHUNKS.length + 3 : CHUNKS.length
    const fits = (length: number): string => before + 'x'.repeat(length - (before.length - start)) + after
    for (const [length, ending] of [[LIMIT - 3, 'complete'], [LIMIT - 2, 'complete'], [LIMIT - 1, 'complete'], [LIMIT, 'complete'], [LIMIT + 1, 'refused'], [LIMIT + 9, 'refused']] as const) {
      const text = fits(length)
      const tail = Array.from({ length: 9 }, (_, i) => text.length - i)
      for (const [how, positions] of [['in one piece', []], ['with its end byte by byte', tail], ['with another response after it', [text.length + 1]]] as const) {
        const pieces = how.startsWith('with another') ? sliced(`${text}${OK}Content-Length: 99999\r\n\r\n${'x'.repeat(40_000)}`) : sliced(text, positions)
        t.equal(readResponse(pieces).ending, ending, `${name} of ${length} bytes ${how}`)
      }
    }
  }
})

test('short chunks in one read are one piece, and none waits for another read', async t => {
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
  const log = new ResponseLog()
  const parser = new ResponseParser()
  parser.begin('GET', log)
  parser.read(Buffer.from(CHUNKS + Array.from({ length: 5_000 }, (_, i) => chunk(String.fromCharCode(97 + i % 26))).join('')))
  t.equal(log.pieces.length, 1)
  t.equal(log.body, 'abcdefghijklmnopqrstuvwxyz'.repeat(193).slice(0, 5_000))
  parser.read(Buffer.from('2\r\na'))
  parser.read(Buffer.from('b\r\n'))
  t.strictSame(log.pieces.slice(1).map(String), ['a', 'b'])
  const long = 'L'.repeat(1_024)
  parser.read(Buffer.from([...'xyz', long, long, ...'pq'].map(chunk).join('') + '0\r\n\r\n'))
  t.strictSame(log.pieces.slice(3).map(String), ['xyz', long, long, 'pq'])
  t.ok(parser.isComplete)
})

test('a single chunk in a read is not copied', async t => {
  const passed: Buffer[] = []
  const parser = new ResponseParser()
  parser.begin('GET', { onFirstByte () {}, onResponseStart () {}, onResponseData (piece) { passed.push(piece); return true } })
  const bytes = Buffer.from(`${CHUNKS}5\r\nhello\r\n`)
  parser.read(bytes)
  t.equal(passed[0]?.buffer, bytes.buffer)
  t.equal(passed[0]?.byteOffset, bytes.byteOffset + bytes.indexOf('hello'))
})

test('what is valid before an invalid chunk is passed on, and backpressure is that of the last piece', async t => {
  const log = new ResponseLog()
  const parser = new ResponseParser()
  log.takesMore = false
  parser.begin('GET', log)
  parser.read(Buffer.from(`${CHUNKS}1\r\na\r\n1\r\nb\r\n`))
  t.ok(parser.isPaused)
  t.throws(() => parser.read(Buffer.from('1\r\nc\r\n1\r\nd\r\n1\r\neXX\r\n')), { code: 'ERR_INVALID_RESPONSE' })
  t.equal(log.body, 'abcde')
})

test('a handler that throws, or drops the response, gets nothing more of that read', async t => {
  for (const isThrowing of [true, false]) {
    const parser = new ResponseParser()
    let pieces = 0
    parser.begin('GET', {
      onFirstByte () {},
      onResponseStart () {},
      onResponseData () {
        pieces++
        if (isThrowing) throw new Error('cannot be forwarded')
        parser.reset()
        return true
      },
    })
    const read = (): number => parser.read(Buffer.from(CHUNKS + '1\r\nx\r\n'.repeat(20_000)))
    if (isThrowing) t.throws(read, { message: 'cannot be forwarded' })
    else read()
    t.equal(pieces, 1)
  }
})
