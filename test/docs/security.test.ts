import { test } from 'tap'
import { existsSync, readFileSync } from 'node:fs'
import { testsOf, titlesOf } from './proofs.ts'

const root = new URL('../../', import.meta.url)
const document = read('docs/internals/security.md')

const rows = document.split('\n').filter(line => line.startsWith('| ')).map(cellsOf)
const claims = rows.filter(cells => cells.length === 3 && cells[2] !== 'proof')
const named = claims.flatMap(cells => testsOf(cells[2] ?? ''))

test('every claim of docs/internals/security.md names at least one test', async t => {
  t.ok(claims.length > 40, `${claims.length} claims`)
  for (const [claim = '', , proof = ''] of claims) t.ok(testsOf(proof).length > 0, claim)
})

test('every test that docs/internals/security.md names exists under that title, and is run', async t => {
  const files = new Map<string, readonly string[]>()
  for (const { file, title } of named) {
    const titles = files.get(file) ?? (existsSync(new URL(file, root)) ? titlesOf(read(file)) : [])
    files.set(file, titles)
    t.ok(titles.includes(title), `${file}: ${title}`)
  }
})

test('every quotation in a proof belongs to a file, and every file has one', async t => {
  for (const [claim = '', , proof = ''] of claims) t.match(proof, /^(?:`test\/[\w/-]+\.test\.ts`(?: “[^“”]+”)+ ?)+$/, claim)
})

test('every advisory that docs/internals/security.md names is named by a test of its row, or has its least version', async t => {
  for (const cells of claims) {
    const files = testsOf(cells[2] ?? '').map(({ file }) => file)
    const texts = [...new Set([...files, 'test/dependencies.test.ts'])].map(read).join('\n')
    for (const [id] of (cells[0] ?? '').matchAll(/(?:CVE|GHSA)(?:-\w+){2,3}/g)) t.ok(texts.includes(id), id)
  }
})

test('every advisory with a least version is in docs/internals/security.md', async t => {
  for (const [id] of read('test/dependencies.test.ts').matchAll(/CVE-\d+-\d+/g)) t.ok(document.includes(id), id)
})

test('titles are read from a test file as they are printed; what is filled in is an ellipsis, what is not run is left out', async t => {
  t.strictSame(titlesOf([
    "test('one', async t => {})",
    "  await test('it\\'s \\\\ two', { timeout: 1 }, async t => {",
    '  test(`three $' + '{of(these)} four`, async t => {',
    "test('later', { todo: 'not yet' }, async t => {",
    "test('never', { skip: true }, async t => {",
    "// test('a comment')",
  ].join('\n')), ['one', "it's \\ two", 'three … four'])
  t.strictSame(testsOf('`test/a.test.ts` “one” “two” `test/b.test.ts` “three \\\\ \\|”'), [
    { file: 'test/a.test.ts', title: 'one' }, { file: 'test/a.test.ts', title: 'two' }, { file: 'test/b.test.ts', title: 'three \\ |' },
  ])
})

function cellsOf (line: string): string[] {
  return line.split(/(?<!\\)\|/).slice(1, -1).map(cell => cell.trim())
}

function read (path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}
