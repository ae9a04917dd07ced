/**
 * Arbitrary responses for property tests: valid by RFC 9112, with the deviations that it tells recipients to accept, and with up to three
 * changes anywhere.
 */
import fc from 'fast-check'

const blanks = fc.constantFrom('', ' ', ' ', ' ', ' ', '\t', '  ')
const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_!~|'), minLength: 1, maxLength: 12 })
const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)), maxLength: 30 })
const text = fc.string({ unit: fc.constantFrom(...'ab:;,="\t \x21\x7e\x80\xe9\xff'), maxLength: 20 }).map(value => value.trim())

const header = fc.oneof(
  fc.tuple(token, text),
  fc.tuple(fc.constantFrom('Connection', 'Keep-Alive', 'Set-Cookie', 'Content-Type', 'Trailer', 'Upgrade', 'Content_Length', 'Date'), fc.constantFrom('close', 'keep-alive', 'timeout=5', 'a=b', '', 'h2c'))
)

const extension = fc.oneof({ arbitrary: fc.constant(''), weight: 4 }, { arbitrary: fc.constantFrom(';a', ';a=b', ';a="b c"', ';a;b=c', ' ; a =\t"b c" ', '  ', '\t'), weight: 1 })
const chunk = fc.tuple(bytes.filter(piece => piece !== ''), extension, fc.constantFrom('', '', '0', '000', '0000000000', '   '), fc.boolean())
  .map(([piece, ext, zeros, isUpper]) => `${zeros}${isUpper ? piece.length.toString(16).toUpperCase() : piece.length.toString(16)}${ext}\r\n${piece}\r\n`)

/** Framing headers and the body. */
const framed = fc.oneof(
  bytes.map(body => [`Content-Length: ${body.length}`, body] as const),
  fc.tuple(fc.array(chunk, { maxLength: 4 }), fc.constantFrom('0', '000', '0;a=b'), fc.constantFrom('', '', 'X-Sum: 1\r\n', 'a:\r\nb: c\r\n'))
    .map(([chunks, last, trailers]) => ['transfer-encoding: chunked', `${chunks.join('')}${last}\r\n${trailers}\r\n`] as const),
  bytes.map(body => [undefined, body] as const)
)

const INTERIM = ['HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 102 Wait\r\nConnection: close\r\n\r\n']

/**
 * Responses that are valid by RFC 9112. A 204 has no length, because Node would read a body after it. A 101, which our parser rejects and
 * Node hands out as an upgrade, occurs by mutation only.
 */
export const response = fc.tuple(
  fc.constantFrom('1.1', '1.1', '1.1', '1.0'), fc.constantFrom(200, 200, 200, 201, 206, 299, 301, 304, 400, 404, 500, 599, 999), fc.constantFrom('OK', '', 'Gr\xfc\xdfe \x80', 'a: b'),
  fc.array(fc.tuple(header, blanks, blanks), { maxLength: 4 }), framed, fc.nat(4), fc.constantFrom('', '', '', '', ...INTERIM)
).map(([version, status, statusText, headers, [framing, body], at, interim]) => {
  const lines = headers.map(([[name, value], before, after]) => `${name}:${before}${value}${after}`)
  if (framing !== undefined) lines.splice(at, 0, framing)
  return `${interim}HTTP/${version} ${status} ${statusText}\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n${body}`
})

const INSERTED = ['\r', '\n', '\r\n', '\0', ' ', '\t', ':', ';', ',', '0', '1', 'f', 'g', '\x7f', '\x0b', '\x80', '\xff', '\xa0', '-', '+', 'x', '"', '\\', 'HTTP/1.1 200 OK\r\n', 'Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', 'Connection: close\r\n', 'chunked', 'identity', '0\r\n\r\n', '\r\n\r\n', ',', ', chunked', ',chunked', ' :', '000000000000000']

/** One change: the operation, the position and the text. Most are at line ends or at the start of values. */
const change = fc.tuple(fc.constantFrom('insert', 'insert', 'delete', 'repeat byte', 'repeat line', 'replace', 'digit', 'case'), fc.boolean(), fc.nat(9_999), fc.constantFrom(...INSERTED))

export const mutated = fc.tuple(response, fc.array(change, { minLength: 1, maxLength: 3 })).map(([text, changes]) => {
  let out = text
  for (const [kind, isEdge, where, what] of changes) {
    const places = isEdge || kind === 'digit' ? [...out.matchAll(kind === 'digit' ? /\d/g : /[\r\n:;]/g)].flatMap(({ index }) => kind === 'digit' ? [index] : [index, index + 1]) : []
    const at = places.length > 0 ? places[where % places.length] as number : where % (out.length + 1)
    const lineEnd = out.indexOf('\n', at) + 1
    const [insert, skip] = kind === 'insert' ? [what, 0] : kind === 'delete' ? ['', 1] : kind === 'repeat byte' ? [out.slice(at, at + 1), 0] : kind === 'repeat line' ? [out.slice(out.lastIndexOf('\n', at - 1) + 1, lineEnd), 0] : kind === 'replace' ? [what, 1] : kind === 'digit' ? [String(where % 10), 1] : [swapCase(out.slice(at, at + 1)), 1]
    const place = kind === 'repeat line' && lineEnd > 0 ? lineEnd : at
    out = out.slice(0, place) + insert + out.slice(place + skip)
  }
  return out
})

function swapCase (char: string): string {
  return /[a-z]/.test(char) ? char.toUpperCase() : char.toLowerCase()
}

/** A text, and positions at which it is split. */
export function cutAnywhere (texts: fc.Arbitrary<string>): fc.Arbitrary<[string, number[]]> {
  return texts.chain(text => fc.tuple(fc.constant(text), fc.array(fc.nat(text.length), { maxLength: 9 })))
}
