/**
 * RFC 9112 as a table: each rule about responses, whether the parser accepts the row's text, and why. It accepts what every recipient that
 * accepts it reads alike, and rejects what two recipients can read differently (docs/internals/decisions/0013-ambiguous-messages.md).
 */
import fc from 'fast-check'
import { test } from 'tap'
import { response, cutAnywhere, mutated } from './arbitrary-responses.ts'
import { readResponse, sliced, type Reading } from './response-log.ts'

/** The result for an accepted response: status and status text, headers, body. Undefined if it is rejected. */
type Expected = readonly [status: string, headers: readonly string[], body: string] | undefined

/** Section of RFC 9112, what is sent, what is read, and why. */
type Row = readonly [section: string, bytes: string, expected: Expected, why: string]

const OK = 'HTTP/1.1 200 OK\r\n'
const ok = `${OK}Content-Length: 2\r\n\r\nok`
const read: Expected = ['200 OK', ['Content-Length', '2'], 'ok']
const chunks = (text: string): string => `${OK}Transfer-Encoding: chunked\r\n\r\n${text}`
const readChunks = (body: string): Expected => ['200 OK', ['Transfer-Encoding', 'chunked'], body]

const ROWS: readonly Row[] = [
  ['2.1', ok, read, 'status line, field lines, an empty line, a body'],
  ['2.2', `\r\n${ok}`, undefined, 'an empty line before a response belongs to the one before; only servers skip it'],
  ['2.2', ok.replaceAll('\r\n', '\n'), undefined, 'a line may end with LF alone, but not every recipient knows that'],
  ['2.2', `${OK}A: b\nContent-Length: 2\r\n\r\nok`, undefined, 'one line to some, two to others'],
  ['2.2', `${OK}A: b\rContent-Length: 2\r\n\r\nok`, undefined, 'a bare CR is invalid, a blank, or an end'],
  ['2.2', `${OK}A: b\r\r\nContent-Length: 2\r\n\r\nok`, undefined, 'CR CR LF: likewise'],
  ['2.2', `${OK} A: b\r\nContent-Length: 2\r\n\r\nok`, undefined, 'a blank behind the status line: to be refused or skipped, line by line'],
  ['2.3', ok.replace('1.1', '1.0'), read, 'HTTP/1.0 has the same syntax'],
  ['2.3', ok.replace('1.1', '1.2'), undefined, 'nobody has defined that version'],
  ['2.3', ok.replace('1.1', '2.0'), undefined, 'another protocol'],
  ['2.3', ok.replace('HTTP', 'http'), undefined, 'HTTP-name is case-sensitive'],
  ['4', ok.replace(' OK', ' '), ['200 ', ['Content-Length', '2'], 'ok'], 'a reason phrase may be empty'],
  ['4', ok.replace(' OK', ''), ['200 ', ['Content-Length', '2'], 'ok'], 'without the blank too: the phrase says nothing'],
  ['4', ok.replace('OK', '\xc3\xa9\t a: b'), ['200 \xc3\xa9\t a: b', ['Content-Length', '2'], 'ok'], 'HTAB, SP, VCHAR and obs-text'],
  ['4', ok.replace('OK', 'O\x01K'), undefined, 'no control character'],
  ['4', ok.replace(' 200', '  200'), undefined, 'parsing by words is what the section warns of'],
  ['4', ok.replace(' 200', '\t200'), undefined, 'likewise'],
  ['4', ok.replace('200', '20'), undefined, 'three digits'],
  ['4', ok.replace('200', '2000'), undefined, 'three digits'],
  ['4', ok.replace('200', '099'), undefined, 'no class of status begins with 0'],
  ['4', ok.replace('200', '799'), ['799 OK', ['Content-Length', '2'], 'ok'], 'any other class is passed on'],

  ['5', `${OK}Content-Length:2\r\nA: \t b \t\r\nC:\r\n\r\nok`, ['200 OK', ['Content-Length', '2', 'A', 'b', 'C', ''], 'ok'], 'blanks around a value are optional, and no part of it'],
  ['5.1', `${OK}A : b\r\nContent-Length\t : 2\r\n\r\nok`, ['200 OK', ['A', 'b', 'Content-Length', '2'], 'ok'], 'a proxy removes a blank before the colon'],
  ['5.1', `${OK}Transfer-Encoding : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`, readChunks('ok'), 'and heeds what it then reads'],
  ['5.1', `${OK}Content-Length : 2\r\nTransfer-Encoding: chunked\r\n\r\nok`, undefined, 'so that nothing hides behind it'],
  ['5.1', `${OK}: b\r\nContent-Length: 2\r\n\r\nok`, undefined, 'a name has a character'],
  ['5.1', `${OK} : b\r\nContent-Length: 2\r\n\r\nok`, undefined, 'a blank is none'],
  ['5.1', `${OK}A b: c\r\nContent-Length: 2\r\n\r\nok`, undefined, 'a name has no blank inside'],
  ['5.1', `${OK}A\r\nContent-Length: 2\r\n\r\nok`, undefined, 'a line has a colon'],
  ['5.1', `${OK}A\x0b: b\r\nContent-Length: 2\r\n\r\nok`, undefined, 'VT is no blank to be removed'],
  ['5.2', `${OK}A: b\r\n c\r\nContent-Length: 2\r\n\r\nok`, undefined, 'folding: its own section offers 502; who does not know it reads a line more'],
  ['5.2', `${OK}A: b\r\n\tContent-Length: 9\r\nContent-Length: 2\r\n\r\nok`, undefined, 'here that line would frame the body'],
  ['5 (9110 5.5)', `${OK}A: \x80\xff\r\nContent-Length: 2\r\n\r\nok`, ['200 OK', ['A', '\x80\xff', 'Content-Length', '2'], 'ok'], 'obs-text is opaque'],
  ['5 (9110 5.5)', `${OK}A: b\0\r\nContent-Length: 2\r\n\r\nok`, undefined, 'NUL ends a value for some'],
  ['5 (9110 5.5)', `${OK}A: b\x7f\r\nContent-Length: 2\r\n\r\nok`, undefined, 'other control characters cannot be forwarded'],

  ['6.1', chunks('2\r\nok\r\n0\r\n\r\n'), readChunks('ok'), 'chunked'],
  ['6.1', `${OK}Transfer-Encoding: \tCHUNKED \r\n\r\n0\r\n\r\n`, ['200 OK', ['Transfer-Encoding', 'CHUNKED'], ''], 'codings are case-insensitive'],
  ['6.1', `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`, ['200 OK', ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'], 'ok'], 'it must not be applied twice, so it is not (Spring behind Tomcat)'],
  ['6.1', `${OK}Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`, ['200 OK', ['Transfer-Encoding', 'chunked, chunked'], 'ok'], 'two lines are one list'],
  ['6.1', `${OK}Transfer-Encoding: chunked,\r\n\r\n2\r\nok\r\n0\r\n\r\n`, ['200 OK', ['Transfer-Encoding', 'chunked,'], 'ok'], 'empty members of a list are ignored (9110 5.6.1.2)'],
  ['6.1', `${OK}Transfer-Encoding: ,\t, chunked\r\nTransfer-Encoding:\r\n\r\n2\r\nok\r\n0\r\n\r\n`, ['200 OK', ['Transfer-Encoding', ',\t, chunked', 'Transfer-Encoding', ''], 'ok'], 'wherever they stand'],
  ['6.1', `${OK}Transfer-Encoding:\r\n\r\nok`, undefined, 'no coding at all: as if it were not there, or until the end?'],
  ['6.1', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, undefined, 'a second coding would reach the caller undone'],
  ['6.1', `${OK}Transfer-Encoding: gzip\r\n\r\nok`, undefined, 'likewise'],
  ['6.1', `${OK}Transfer-Encoding: chunked, gzip\r\n\r\nok`, undefined, 'chunked is not last: until the end, or in chunks?'],
  ['6.1', `${OK}Transfer-Encoding: identity\r\n\r\nok`, undefined, 'none at all in RFC 2616, an unknown one today'],
  ['6.1', `${OK}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n`, undefined, 'likewise'],
  ['6.1', `${OK}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, undefined, 'another coding, whatever it ends with'],
  ['6.1', `${OK}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`, undefined, 'a coding is a token'],
  ['6.1', `${OK}Transfer-Encoding: chunked\xa0\r\n\r\n0\r\n\r\n`, undefined, 'only SP and HTAB are blanks'],
  ['7.1', `${OK}Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n`, undefined, 'chunked has no parameters: to be treated as an error'],

  ['6.2', `${OK}Content-Length: 002\r\n\r\nok`, read, 'digits, of which zeros in front say nothing; passed on without them'],
  ['6.2', `${OK}Content-Length: ${'0'.repeat(40)}2\r\n\r\nok`, read, 'however many'],
  ['6.2', `${OK}content-length: 2\r\n\r\nok`, ['200 OK', ['content-length', '2'], 'ok'], 'names are case-insensitive, and stay as they were'],
  ['6.2', `${OK}Content-Length: +2\r\n\r\nok`, undefined, 'no sign'],
  ['6.2', `${OK}Content-Length: -2\r\n\r\nok`, undefined, 'no sign'],
  ['6.2', `${OK}Content-Length: 0x2\r\n\r\nok`, undefined, '2, or 0'],
  ['6.2', `${OK}Content-Length: 2 2\r\n\r\nok`, undefined, '2, or 22'],
  ['6.2', `${OK}Content-Length: 2.0\r\n\r\nok`, undefined, 'no fraction'],
  ['6.2', `${OK}Content-Length: "2"\r\n\r\nok`, undefined, 'no quotes'],
  ['6.2', `${OK}Content-Length:\r\n\r\nok`, undefined, 'no value is no length'],
  ['6.2', `${OK}Content-Length: 9007199254740992\r\n\r\nok`, undefined, 'more than a number holds exactly'],
  ['6.2', `${OK}Content-Length: 18446744073709551618\r\n\r\nok`, undefined, '2 to who counts in 64 bits'],
  ['6.3 item 5', `${OK}Content-Length: 2, 2\r\n\r\nok`, read, 'a list of one value is that value; passed on once'],
  ['6.3 item 5', `${OK}Content-Length: 2\r\nA: b\r\nCONTENT-LENGTH: 02,2,\r\n\r\nok`, ['200 OK', ['Content-Length', '2', 'A', 'b'], 'ok'], 'in two lines too'],
  ['6.3 item 5', `${OK}Content-Length: 2, 3\r\n\r\nok`, undefined, 'two lengths'],
  ['6.3 item 5', `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`, undefined, 'two lengths'],
  ['6.3 item 5', `${OK}Content-Length: 2\r\nContent-Length:\r\n\r\nok`, undefined, 'a length and none'],
  ['6.3 item 5', `${OK}Content-Length: ,\r\n\r\nok`, undefined, 'a list of nothing'],
  ['6.3 item 3', `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`, undefined, 'chunks win, but it “ought to be handled as an error”'],
  ['6.3 item 1', 'HTTP/1.1 204 None\r\n\r\n', ['204 None', [], ''], '204 has no body'],
  ['6.3 item 1', 'HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\n', ['304 Same', ['Content-Length', '2'], ''], 'nor has 304, whatever its length'],
  ['6.3 item 1', 'HTTP/1.1 304 Same\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n', undefined, 'but its length goes on to the caller, so there is one'],
  ['6.3 item 8', `${OK}\r\nok`, ['200 OK', [], 'ok'], 'without a word the body lasts to the end of the connection'],

  ['7.1', chunks('1\r\no\r\n00A\r\n0123456789\r\n000\r\n\r\n'), readChunks('o0123456789'), 'sizes in hexadecimal, of either case'],
  ['7.1', chunks('000000000002\r\nok\r\n0\r\n\r\n'), readChunks('ok'), 'zeros in front, more than eight digits'],
  ['7.1', chunks('2  \r\nok\r\n   2\t\r\nko\r\n0 \r\n\r\n'), readChunks('okko'), 'padded with blanks to a fixed width'],
  ['7.1', chunks('20000000000000\r\nok'), undefined, 'more than a number holds exactly'],
  ['7.1', chunks('10000000000000002\r\nok\r\n0\r\n\r\n'), undefined, '2 to who counts in 64 bits'],
  ['7.1', chunks('\r\nok\r\n0\r\n\r\n'), undefined, 'a size has a digit'],
  ['7.1', chunks('+2\r\nok\r\n0\r\n\r\n'), undefined, 'no sign'],
  ['7.1', chunks('0x2\r\nok\r\n0\r\n\r\n'), undefined, '0, or 2'],
  ['7.1', chunks('2 2\r\nok\r\n0\r\n\r\n'), undefined, '2, or 22'],
  ['7.1', chunks('2,2\r\nok\r\n0\r\n\r\n'), undefined, 'no list'],
  ['7.1', chunks('2\nok\r\n0\r\n\r\n'), undefined, 'lines end with CR LF'],
  ['7.1', chunks('2\r\nok\n0\r\n\r\n'), undefined, 'so do chunks'],
  ['7.1', chunks('2\r\nok0\r\n\r\n'), undefined, 'a chunk is as long as it says'],
  ['7.1', chunks('1\r\nok\r\n0\r\n\r\n'), undefined, 'likewise'],
  ['7.1.1', chunks('2;a;b=c;d="e;\\"f"\r\nok\r\n0;z\r\n\r\n'), readChunks('ok'), 'extensions are ignored'],
  ['7.1.1', chunks('2 ; a = "b c"\t;\td \r\nok\r\n0\r\n\r\n'), readChunks('ok'), 'with blanks around their signs'],
  ['7.1.1', chunks('2;a="b\r\nok\r\n0\r\n\r\n'), undefined, 'quotes that stay open: does the line end?'],
  ['7.1.1', chunks('2;a\nb\r\nok\r\n0\r\n\r\n'), undefined, 'a bare LF in an extension: likewise'],
  ['7.1.1', chunks('2;\r\nok\r\n0\r\n\r\n'), undefined, 'an extension has a name, and no server is known that writes none'],
  ['7.1.2', chunks('0\r\nA: b\r\nContent-Length: 9\r\nC : d\r\n\r\n'), readChunks(''), 'trailers are dropped, and frame nothing'],
  ['7.1.2', chunks('0\r\nA: b\r\n c\r\n\r\n'), undefined, 'they are not folded either'],
  ['7.1.2', chunks('0\r\nA\r\n\r\n'), undefined, 'they have a colon'],
  ['7.1.2', chunks('0\r\n\n'), undefined, 'they end with CR LF'],

  ['9110 15.2', `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\nA: b\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n${ok}`, read, 'interim responses are skipped, expected or not'],
  ['9110 15.2', `HTTP/1.1 103 Hints\r\nConnection: close\r\nContent-Length: 9, 8\r\nTransfer-Encoding: gzip\r\n\r\n${ok}`, read, 'whatever they say of connection and body: they have none'],
  ['9110 15.2', `HTTP/1.0 100 Continue\r\n\r\n${ok}`, read, 'even of a version that has none'],
  ['9110 15.2', `HTTP/1.1 103 Hints\r\nContent-Length: 2\r\n\r\nok${ok}`, undefined, 'a body there is not HTTP'],
  ['9110 15.2', `HTTP/1.1 103 Hints\r\nA b: c\r\n\r\n${ok}`, undefined, 'their syntax is that of any head'],
  ['9110 15.2.2', `HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n${ok}`, undefined, 'the proxy never requests another protocol'],
]

/** A result in the form of the table. */
function told ({ ending, status, statusText, headers, body }: Reading): Expected {
  return ending.startsWith('complete') ? [`${status} ${statusText}`, headers ?? [], body ?? ''] : undefined
}

test('an unambiguous response is accepted, an ambiguous one is rejected (RFC 9112)', async t => {
  for (const [section, bytes, expected, why] of ROWS) t.strictSame(told(readResponse(sliced(bytes))), expected, `${section}: ${why}: ${JSON.stringify(bytes)}`)
})

test('where a response ends depends neither on how it arrives nor on what follows it', async t => {
  for (const [section, bytes, , why] of ROWS) {
    const unsplit = readResponse(sliced(bytes))
    const every = [...bytes].map((_, i) => i)
    const different = every.filter(i => JSON.stringify(readResponse(sliced(bytes, [i]))) !== JSON.stringify(unsplit))
    t.strictSame([different, readResponse(sliced(bytes, every))], [[], unsplit], `${section}: ${why}`)
    if (unsplit.ending === 'complete') for (const next of [ok, '\r\n', '0\r\n\r\n', '\0']) t.strictSame(readResponse(sliced(bytes + next)), unsplit, `${section}: ${why}, before ${JSON.stringify(next)}`)
  }
})

test('no way of cutting any bytes makes one response into another, or other bytes after it', async t => {
  const seed = Date.now() & 0x7fffffff
  const twice = fc.tuple(fc.oneof(response, mutated), fc.oneof(response, mutated)).map(([first, next]) => first + next)
  fc.assert(fc.property(cutAnywhere(twice), fc.constantFrom('GET', 'HEAD'), ([text, positions], method) => {
    const [unsplit, cut] = [readResponse(sliced(text), method), readResponse(sliced(text, positions), method)]
    return JSON.stringify(unsplit) === JSON.stringify(cut)
  }), { seed, numRuns: 3_000 })
  t.pass(`seed ${seed}`)
})
