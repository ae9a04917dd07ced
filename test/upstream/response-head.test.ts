import { test } from 'tap'
import { CHUNKED, parseHead, UNTIL_CLOSE } from '../../src/upstream/response-head.ts'

const OK = 'HTTP/1.1 200 OK'

test('a status line is a version, three digits and whatever text follows, or none', async t => {
  for (const [line, status, statusText] of [
    [OK, 200, 'OK'],
    ['HTTP/1.1 200 ', 200, ''],
    ['HTTP/1.1 200', 200, ''],
    ['HTTP/1.0 404 Not Found', 404, 'Not Found'],
    ['HTTP/1.1 999 999', 999, '999'],
    ['HTTP/1.1 600 \tno trimming ', 600, '\tno trimming '],
    ['HTTP/1.1 200 Gr\xfc\xdfe \x80\xff', 200, 'Gr\xfc\xdfe \x80\xff'],
    ['HTTP/1.1 200 a: b', 200, 'a: b'],
    ['HTTP/1.1 103 Early Hints', 103, 'Early Hints'],
  ] as const) t.match(parseHead(`${line}\r\nContent-Length: 0`, 'GET'), { status, statusText, headers: ['Content-Length', '0'] }, line)
})

test('headers stay as they were, repetitions and bytes included, without the blanks around a value and behind a name', async t => {
  for (const [lines, headers] of [
    [[], []],
    [['A: b'], ['A', 'b']],
    [['A:b'], ['A', 'b']],
    [['A:'], ['A', '']],
    [['A: \t '], ['A', '']],
    [['A:\t b\t c \t'], ['A', 'b\t c']],
    [['A : b'], ['A', 'b']],
    [['A\t : b'], ['A', 'b']],
    [['A: :b: c'], ['A', ':b: c']],
    [['A: \xa0b\xa0'], ['A', '\xa0b\xa0']],
    [['A: \x80\xc3\xa9\xff'], ['A', '\x80\xc3\xa9\xff']],
    [['A: HTTP/1.1 500 No'], ['A', 'HTTP/1.1 500 No']],
    [['X-y: 1', 'x-Y: 2', 'X-y: 1'], ['X-y', '1', 'x-Y', '2', 'X-y', '1']],
    [['!#$%&\'*+-.^_`|~09azAZ: odd'], ['!#$%&\'*+-.^_`|~09azAZ', 'odd']],
    [['__proto__: a', 'constructor: b'], ['__proto__', 'a', 'constructor', 'b']],
  ] as const) t.strictSame(parseHead([OK, ...lines].join('\r\n'), 'GET').headers, headers, JSON.stringify(lines))
})

test('what is no head is rejected, and the error repeats nothing of it', async t => {
  for (const [name, head] of [
    ['nothing', ''],
    ['a request', 'GET / HTTP/1.1'],
    ['another protocol', 'ICY 200 OK'],
    ['HTTP/2', 'HTTP/2 200 OK'],
    ['HTTP/1.2', 'HTTP/1.2 200 OK'],
    ['HTTP/0.9', 'HTTP/0.9 200 OK'],
    ['HTTP/1.10', 'HTTP/1.10 200 OK'],
    ['HTTP/01.1', 'HTTP/01.1 200 OK'],
    ['a name in lower case', 'http/1.1 200 OK'],
    ['a blank in front', ` ${OK}`],
    ['a line in front', `\r\n${OK}`],
    ['two blanks before the status', 'HTTP/1.1  200 OK'],
    ['a tab before the status', 'HTTP/1.1\t200 OK'],
    ['a tab after the status', 'HTTP/1.1 200\tOK'],
    ['status 099', 'HTTP/1.1 099 Low'],
    ['status 1000', 'HTTP/1.1 1000 High'],
    ['status 20', 'HTTP/1.1 20 Short'],
    ['status -20', 'HTTP/1.1 -20 Signed'],
    ['status 2e2', 'HTTP/1.1 2e2 Exponent'],
    ['no status', 'HTTP/1.1 OK'],
    ['a bare CR in the status line', 'HTTP/1.1 200 O\rK'],
    ['a bare LF in the status line', 'HTTP/1.1 200 O\nK'],
    ['NUL in the status line', 'HTTP/1.1 200 O\0K'],
    ['a folded value', `${OK}\r\nA: b\r\n c`],
    ['a value folded with a tab', `${OK}\r\nA: b\r\n\tc`],
    ['a folded first header', `${OK}\r\n A: b`],
    ['a blank in a name', `${OK}\r\nA b: c`],
    ['an empty name', `${OK}\r\n: b`],
    ['no colon', `${OK}\r\nA`],
    ['a name of bytes', `${OK}\r\n\xe9: b`],
    ['a quoted name', `${OK}\r\n"A": b`],
    ['NUL in a name', `${OK}\r\nA\0: b`],
    ['NUL in a value', `${OK}\r\nA: b\0`],
    ['a bare CR in a value', `${OK}\r\nA: b\rC: d`],
    ['a bare LF in a value', `${OK}\r\nA: b\nC: d`],
    ['lines that end with LF', `${OK}\nA: b\nC: d`],
    ['a bare CR in front of a line’s end', `${OK}\r\nA: b\r\r\nC: d`],
    ['an escape character', `${OK}\r\nA: \x1b[2J`],
    ['a vertical tab', `${OK}\r\nA: \vb`],
    ['DEL', `${OK}\r\nA: b\x7f`],
    ['a blank line', `${OK}\r\n\r\nA: b`],
    ['a blank line at its end', `${OK}\r\n`],
    ['a character that is no byte', `${OK}\r\nA: \u0100`],
  ] as const) {
    t.throws(() => parseHead(head, 'GET'), { name: 'InvalidResponseError', code: 'ERR_INVALID_RESPONSE', message: 'the response is not valid HTTP: head' }, name)
  }
})

test('a length that can be read in two ways is rejected, for every method and status', async t => {
  for (const lines of [
    'Content-Length: ',
    'Content-Length: x',
    'Content-Length: -1',
    'Content-Length: +1',
    'Content-Length: 1.0',
    'Content-Length: 1e3',
    'Content-Length: 0x10',
    'Content-Length: 1 0',
    'Content-Length: 1,2',
    'Content-Length: "1"',
    'Content-Length: \xa01',
    'Content-Length: \xb2',
    `Content-Length: ${'9'.repeat(16)}`,
    'Content-Length: 18446744073709551617',
    'Content-Length: 1\r\nA: b\r\ncontent-length: 2',
    'Content-Length: 0\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nCONTENT-LENGTH: 5',
    'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'Transfer-Encoding:',
    'Transfer-Encoding: identity',
    'Transfer-Encoding: gzip',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: chunked, gzip',
    'Transfer-Encoding: chunked;q=1',
    'Transfer-Encoding: "chunked"',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunked\xa0',
  ]) {
    for (const [line, method] of [[OK, 'GET'], [OK, 'HEAD'], ['HTTP/1.1 204 None', 'GET'], ['HTTP/1.0 200 OK', 'POST']] as const) {
      t.throws(() => parseHead(`${line}\r\n${lines}`, method), { name: 'InvalidResponseError' }, `${line}, ${method}: ${lines}`)
    }
  }
})

test('a body is as long as its headers say, or without a word lasts until the end of the connection', async t => {
  for (const [lines, bodyLength] of [
    ['Content-Length: 0', 0],
    ['Content-Length: 0012', 12],
    [`Content-Length: ${'0'.repeat(30)}12`, 12],
    ['Content-Length: 12, 012', 12],
    ['Content-Length : 12', 12],
    ['Content-Length: 9007199254740991', 9_007_199_254_740_991],
    ['content-LENGTH:\t7 ', 7],
    ['Content-Length: 999999999999999', 999_999_999_999_999],
    ['Transfer-Encoding: chunked', CHUNKED],
    ['transfer-encoding:  CHUNKED\t', CHUNKED],
    ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', CHUNKED],
    ['Transfer-Encoding: ,chunked, chunked,', CHUNKED],
    ['A: b', UNTIL_CLOSE],
    ['Content_Length: 5', UNTIL_CLOSE],
    ['X-Content-Length: 5', UNTIL_CLOSE],
    ['Content-Lengths: 5', UNTIL_CLOSE],
    ['Content-Encoding: chunked', UNTIL_CLOSE],
  ] as const) t.match(parseHead(`${OK}\r\n${lines}`, 'GET'), { bodyLength, isPersistent: bodyLength !== UNTIL_CLOSE }, lines)
})

test('a response to HEAD, an interim one, 204 and 304 have no body whatever their headers say, and the connection stays', async t => {
  for (const [line, method] of [[OK, 'HEAD'], ['HTTP/1.1 404 No', 'HEAD'], ['HTTP/1.1 100 Go on', 'GET'], ['HTTP/1.1 103 Hints', 'POST'], ['HTTP/1.1 199 x', 'GET'], ['HTTP/1.1 204 None', 'GET'], ['HTTP/1.1 304 Same', 'GET']] as const) {
    for (const lines of ['A: b', 'Content-Length: 5', 'Transfer-Encoding: chunked']) {
      t.match(parseHead(`${line}\r\n${lines}`, method), { bodyLength: 0, isPersistent: true }, `${line}, ${method}, ${lines}`)
    }
  }
  for (const line of ['HTTP/1.1 200 OK', 'HTTP/1.1 205 Reset', 'HTTP/1.1 203 x', 'HTTP/1.1 303 x', 'HTTP/1.1 305 x']) {
    t.equal(parseHead(`${line}\r\nContent-Length: 5`, 'GET').bodyLength, 5, line)
  }
})

test('an interim response, and a response to CONNECT, have no framing that could be wrong', async t => {
  for (const lines of ['Content-Length: x', 'Content-Length: 1\r\nContent-Length: 2', 'Transfer-Encoding: gzip', 'Content-Length: 1\r\nTransfer-Encoding: chunked']) {
    for (const status of [200, 299, 407]) t.match(parseHead(`HTTP/1.1 ${status} OK\r\n${lines}`, 'CONNECT'), { status, bodyLength: 0 }, lines)
    t.match(parseHead(`HTTP/1.1 103 Hints\r\n${lines}`, 'GET'), { status: 103, bodyLength: 0, isPersistent: true }, lines)
  }
})

test('a length is passed on once and in plain digits', async t => {
  for (const lines of ['Content-Length: 12', 'Content-Length: 0012', 'Content-Length: 12, 12', 'Content-Length : 12\r\ncontent-length: 12']) {
    t.strictSame(parseHead(`${OK}\r\nA: b\r\n${lines}\r\nC: d`, 'GET').headers, ['A', 'b', 'Content-Length', '12', 'C', 'd'], lines)
  }
})

test('a connection stays unless either version or Connection says that it ends', async t => {
  for (const [version, lines, isPersistent] of [
    ['1.1', [], true],
    ['1.1', ['Connection: keep-alive'], true],
    ['1.1', ['Connection: close'], false],
    ['1.1', ['CONNECTION: Close'], false],
    ['1.1', ['Connection: x, close ,y'], false],
    ['1.1', ['Connection:\tx,\tCLOSE'], false],
    ['1.1', ['Connection: keep-alive, close'], false],
    ['1.1', ['Connection: close', 'Connection: keep-alive'], false],
    ['1.1', ['Connection: closed'], true],
    ['1.1', ['Connection: not-close'], true],
    ['1.1', ['X-Connection: close'], true],
    ['1.0', [], false],
    ['1.0', ['Connection: keep-alive'], true],
    ['1.0', ['Connection: x, Keep-Alive'], true],
    ['1.0', ['Connection: keep-alive', 'Connection: close'], false],
    ['1.0', ['Connection: keep-alives'], false],
    ['1.0', ['Keep-Alive: timeout=5'], false],
  ] as const) t.equal(parseHead([`HTTP/${version} 200 OK`, 'Content-Length: 0', ...lines].join('\r\n'), 'GET').isPersistent, isPersistent, `${version} ${lines.join()}`)
})

test('chunks in a response of HTTP/1.0 end the connection: its framing is not to be trusted (RFC 9112 section 6.1)', async t => {
  t.match(parseHead('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked', 'GET'), { bodyLength: CHUNKED, isPersistent: false })
})

test('how long AMSU keeps an idle connection is known if it says so in seconds', async t => {
  for (const [value, keepAliveMs] of [
    ['timeout=5', 5_000],
    ['Timeout=5, max=100', 5_000],
    ['max=100, timeout = 72', 72_000],
    ['timeout=0', 0],
    ['timeout=999999', 999_999_000],
    ['timeout=1000000', undefined],
    ['timeout=-5', undefined],
    ['timeout', undefined],
    ['max=5', undefined],
    ['', undefined],
  ] as const) t.equal(parseHead(`${OK}\r\nKeep-Alive: ${value}`, 'GET').keepAliveMs, keepAliveMs, value)
  t.equal(parseHead(OK, 'GET').keepAliveMs, undefined)
})
