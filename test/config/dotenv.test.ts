import { test } from 'tap'
import fc from 'fast-check'
import { parseEnv } from 'node:util'
import { parseDotenv } from '../../src/config/dotenv.ts'

/** The variables, problems and warnings of a text. */
function parse (text: string): { values: Record<string, string>, problems: readonly string[], warnings: readonly string[] } {
  const { values, problems, warnings } = parseDotenv(text)
  return { values: Object.fromEntries(values), problems, warnings }
}

/** Valid texts and their variables: the same on every version of Node, and the same as with `util.parseEnv` of Node 26. */
const VALID: ReadonlyArray<readonly [text: string, values: Record<string, string>]> = [
  ['A=1', { A: '1' }], ['A=1\nB=2\n', { A: '1', B: '2' }], ['A = 1 ', { A: '1' }], ['  A=1', { A: '1' }], ['\tA=1', { A: '1' }],
  ['export A=1', { A: '1' }], ['export  A=1', { A: '1' }], ['  export A=1', { A: '1' }], ['export=1', { export: '1' }],
  ['A=', { A: '' }], ['A=\nB=2', { A: '', B: '2' }], ['A=""\nB=1', { A: '', B: '1' }],
  ['A="x"', { A: 'x' }], ["A= 'x' ", { A: 'x' }], ['A=`x`', { A: 'x' }], ['A="it\'s `q`"', { A: 'it\'s `q`' }], ["A=it's", { A: "it's" }],
  ['A="x" # c', { A: 'x' }], ['A="x"#c', { A: 'x' }], ['A=x # c\nB=2', { A: 'x', B: '2' }], ['A= # c', { A: '' }], ['A="a#b"', { A: 'a#b' }], ["A='a#b'", { A: 'a#b' }],
  ["A='a\\nb'", { A: 'a\\nb' }], ['A="a\\nb"', { A: 'a\nb' }], ['A=`a\\nb`', { A: 'a\\nb' }], ['A=a\\nb', { A: 'a\\nb' }], ['A="a\\tb\\r"', { A: 'a\\tb\\r' }], ['A="a\\\\nb"', { A: 'a\\\nb' }],
  ['A="a\nb"\nC=1', { A: 'a\nb', C: '1' }], ["A='a\nb'\nC=1", { A: 'a\nb', C: '1' }], ['A=`a\n\nb`\nC=1', { A: 'a\n\nb', C: '1' }], ['A="a\nX=b"\nC=1', { A: 'a\nX=b', C: '1' }],
  ['A="a\r\nb"\r\nC=1\r\n', { A: 'a\nb', C: '1' }], ['A=1\r\nB=2 # c\r\n', { A: '1', B: '2' }],
  ['A=a=b', { A: 'a=b' }], ['A=$B$' + '{C}', { A: '$B$' + '{C}' }], ['A=\u00a0x\u00a0', { A: '\u00a0x\u00a0' }], ['A=1\nA=2', { A: '2' }],
  ['a.b=1\na-b=2\n1A=3\n__proto__=4', { 'a.b': '1', 'a-b': '2', '1A': '3', ['__proto__']: '4' }],
  ['\n\n  \n#c\n  # c\n\t#c\nA=1', { A: '1' }], ['', {}],
]

test('a valid text sets what it says on every Node, and Node 26 agrees', t => {
  for (const [text, values] of VALID) {
    const { values: found, problems } = parse(text)
    t.strictSame(found, values, JSON.stringify(text))
    t.strictSame(problems, [], JSON.stringify(text))
    if (Number(process.versions.node.split('.')[0]) >= 26) t.strictSame({ ...parseEnv(text) }, { ...values }, `parseEnv: ${JSON.stringify(text)}`)
  }
  t.end()
})

test('a line is never lost: neither by what stands before it, nor by blanks where a value could be', t => {
  for (const before of ['  ', '\t', '  # c', 'A=  ', 'A= \t', 'word', 'A: 1', '=x', 'A B=1', '"x"', 'A="x"y', 'A="x', "A='x", 'A=`x', 'A="x\nword', 'export', '\u00a0']) {
    for (const lineEnd of ['\n', '\r\n', '\r']) {
      t.match(parse(`${before}${lineEnd}CALLERS=app:4f0c6a1b`.replace('\n', lineEnd)).values, { CALLERS: 'app:4f0c6a1b' }, JSON.stringify(before + lineEnd))
    }
  }
  t.end()
})

test('what is no comment, blank line or setting is a problem with its line, and never with its text', t => {
  for (const [text, problem] of [
    ['# c\nnever-shown', 'line 2 is neither a setting (NAME=value) nor a comment'],
    ['A=1\nCALLERS: never-shown\n', 'line 2 is neither a setting (NAME=value) nor a comment'],
    ['{ "A": "never=shown" }', 'line 1 is neither a setting (NAME=value) nor a comment'],
    ['=never-shown', 'line 1 is neither a setting (NAME=value) nor a comment'],
    ['\n\nset A=never-shown', 'line 3 is neither a setting (NAME=value) nor a comment'],
    ['A="never-shown', 'line 1 has no closing quote'],
    ["A=1\rB='never-shown\rC=2", 'line 2 has no closing quote'],
    ['A=`never-shown\nCALLERS=`x`', 'line 1 has no closing quote'],
    ['A="x" never-shown', 'line 1 has text after the closing quote'],
    ['A="x\nB="never-shown"', 'line 2 has text after the closing quote of the value that starts in line 1'],
  ] as const) t.strictSame(parse(text).problems, [problem], JSON.stringify(text))
  t.strictSame(parse('word\nA="x\nB: 2').problems, ['line 1 is neither a setting (NAME=value) nor a comment', 'line 2 has no closing quote', 'line 3 is neither a setting (NAME=value) nor a comment'], 'all at once')
  t.end()
})

test('a missing closing quote does not hide a setting of the proxy before the next quote', t => {
  const { values, problems } = parse('ALLOWED_HOSTS="a.example\nCALLERS=app:4f0c6a1b\n# say "\nHOST=0.0.0.0')
  t.strictSame(values, { CALLERS: 'app:4f0c6a1b', HOST: '0.0.0.0' })
  t.strictSame(problems, ['line 1 has no closing quote'])
  t.end()
})

test('what works but may not be meant is a warning with its line', t => {
  t.strictSame(parse('A=x#y').warnings, ['line 1: the value ends before #, which starts a comment; put the value in quotes if # is part of it'])
  t.strictSame(parse('A=1\n\nA=2').warnings, ['line 3 overrides the same name in line 1'])
  for (const text of ['A=x # y', 'A=# y', 'A="x#y"', 'A=x ## y', 'A=1\n#A=2']) t.strictSame(parse(text).warnings, [], text)
  t.end()
})

test('where each name stands last is known', t => {
  t.strictSame([...parseDotenv('# c\nA="x\ny"\nB=2\nA=1').lineOf], [['A', 5], ['B', 4]])
  t.end()
})

test('whatever a text of settings and comments is made of, every setting in it is found', t => {
  const name = fc.stringMatching(/^[A-Z][A-Z_]{0,8}$/)
  const value = fc.stringMatching(/^[\w:./ -]{0,12}$/).map(text => text.trim())
  const entry = fc.tuple(name, value, fc.constantFrom('', '"', "'", '`'), fc.constantFrom('', 'export ', '  ', '\t'), fc.constantFrom('', ' # c', '  '))
  const noise = fc.constantFrom('', '  ', '\t', '# c', '  # c "', "\t# it's")
  fc.assert(fc.property(fc.array(fc.tuple(entry, noise)), fc.constantFrom('\n', '\r\n', '\r'), (lines, lineEnd) => {
    const text = lines.map(([[key, content, quote, before, after], next]) => `${before}${key}=${quote}${content}${quote}${after}${lineEnd}${next}`).join(lineEnd)
    const expected = Object.fromEntries(lines.map(([[key, content]]) => [key, content]))
    const { values, problems } = parse(text)
    return problems.length === 0 && JSON.stringify(Object.entries(values).sort()) === JSON.stringify(Object.entries(expected).sort())
  }))
  t.end()
})
