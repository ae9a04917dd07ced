/**
 * Differences that our parser accepts and Node's does not. Each is removed from a response, so that Node must read the remainder alike.
 * Everything else is compared unchanged.
 */

/** Names of differences. */
export type Difference = 'interim response' | 'blank before a colon' | 'length' | 'codings' | 'blanks in a chunk line'

/** A response that Node accepts, and the differences that were removed. */
export interface Rewritten {
  readonly text: string
  readonly differences: ReadonlySet<Difference>
}

const HEAD_END = '\r\n\r\n'

/**
 * Rewrites a complete response that our parser accepted. It follows the valid syntax; if it makes a mistake, Node reads something else and
 * the test fails.
 */
export function withoutKnownDifferences (response: string): Rewritten {
  const differences = new Set<Difference>()
  let rest = response
  let before = ''
  for (;;) {
    const end = rest.indexOf(HEAD_END) + HEAD_END.length
    const head = rest.slice(0, end - HEAD_END.length)
    rest = rest.slice(end)
    if (/^HTTP\/1.. 1/.test(head)) {
      // Node takes some of its headers for those of the final response; it skips a plain interim response like our parser.
      if (/^HTTP\/1.1 1[^\r]*(?:\r\nLink:[^\r]*)*$/i.test(head)) before += `${head}${HEAD_END}`
      else differences.add('interim response')
      continue
    }
    const [statusLine = '', ...lines] = head.split('\r\n')
    const fields = rewriteFields(lines, differences)
    const isChunked = fields.some(line => /^transfer-encoding:/i.test(line)) && rest !== ''
    const body = isChunked ? rewriteChunks(rest, differences) : rest
    return { text: `${before}${[statusLine, ...fields].join('\r\n')}${HEAD_END}${body}`, differences }
  }
}

function rewriteFields (lines: readonly string[], differences: Set<Difference>): string[] {
  const fields: string[] = []
  for (const line of lines.map(line => withoutBlankBeforeColon(line, differences))) {
    const [, name = '', value = ''] = /^([^:]*):(.*)$/s.exec(line) ?? []
    const kind = name.toLowerCase()
    const isFraming = kind === 'content-length' || kind === 'transfer-encoding'
    const plain = kind === 'content-length' ? `${name}: ${BigInt(value.split(',').map(member => member.trim()).find(member => member !== '') ?? '')}` : `${name}: chunked`
    const isAgain = isFraming && fields.some(field => field.toLowerCase().startsWith(`${kind}:`))
    const isPlain = !isFraming || `${name}: ${value.replace(/^[\t ]*/, '').toLowerCase()}` === plain
    if (!isPlain || isAgain) differences.add(kind === 'content-length' ? 'length' : 'codings')
    if (!isAgain) fields.push(isPlain ? line : plain)
  }
  return fields
}

function withoutBlankBeforeColon (line: string, differences: Set<Difference>): string {
  const plain = line.replace(/^([^:\t ]+)[\t ]+:/, '$1:')
  if (plain !== line) differences.add('blank before a colon')
  return plain
}

/** Chunk lines and trailers; the bytes of the chunks stay. */
function rewriteChunks (body: string, differences: Set<Difference>): string {
  let out = ''
  for (let at = 0; ;) {
    const end = body.indexOf('\r\n', at)
    const line = body.slice(at, end)
    const plain = line.replace(/("(?:[^"\\]|\\.)*")|[\t ]+/g, '$1')
    if (plain !== line) differences.add('blanks in a chunk line')
    const size = Number.parseInt(plain, 16)
    const data = end + 2 + size + 2
    out += `${plain}\r\n`
    if (size === 0) return out + body.slice(end + 2).split('\r\n').map(trailer => withoutBlankBeforeColon(trailer, differences)).join('\r\n')
    out += body.slice(end + 2, data)
    at = data
  }
}
