import { test } from 'tap'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { blocksOf, codeSpans, proseOf, read, root, rowsOf, sectionOf } from './markdown.ts'
import { testsOf, titlesOf } from './proofs.ts'

const PAGE = 'docs/internals/architecture.md'
const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts')).sort()

test('docs/internals/architecture.md has every part of src, and the arrows that its imports are', async t => {
  const rows = rowsOf(sectionOf(read(PAGE), 'Layout')).filter(([, , knows]) => knows !== 'knows')
  const documented = Object.fromEntries(rows.map(([part = '', , knows = '']) => [codeSpans(part)[0], codeSpans(knows).sort()]))
  t.strictSame(Object.keys(documented).sort(), readdirSync(new URL('src/', root)).sort())
  t.strictSame(documented, arrows())
})

test('every arrow drawn between the parts is one of their imports', async t => {
  const [drawing] = blocksOf(PAGE).filter(({ language }) => language === 'mermaid')
  const known = arrows()
  const partOf = (name: string): string => name in known ? name : `${name}.ts`
  const drawn = [...(drawing?.text ?? '').matchAll(/^ +(\w+)(?:\["[^"]+"\])? --> (\w+)/gm)]
  t.ok(drawn.length > 10)
  for (const [, from = '', to = ''] of drawn) t.ok(known[partOf(from)]?.includes(partOf(to)), `${from} --> ${to}`)
})

test('every invariant of docs/internals/architecture.md is proved by a test that is run', async t => {
  const rows = rowsOf(sectionOf(read(PAGE), 'Invariants')).slice(1)
  t.ok(rows.length > 10)
  for (const [invariant = '', proof = ''] of rows) {
    const named = testsOf(proof)
    t.ok(named.length > 0, invariant)
    for (const { file, title } of named) t.ok(titlesOf(read(file)).includes(title), `${file}: ${title}`)
  }
})

test('AGENTS.md fits on a screen, has every part of src and every folder, and names files that exist', async t => {
  const text = read('AGENTS.md')
  t.ok(text.split('\n').length <= 80, `${text.split('\n').length} lines`)
  for (const part of readdirSync(new URL('src/', root))) t.match(text, `${part.replace(/^(\w+)$/, '$1/')}`, part)
  const mirrored = new Set(foldersIn('src'))
  for (const folder of [...foldersIn('.'), ...foldersIn('test').filter(name => !mirrored.has(name)).map(name => `test/${name}`)]) t.match(text, `\`${folder}/`, folder)
  const named = codeSpans(proseOf(text)).filter(span => /^(?:[\w.-]+\/)+[\w.-]*$/.test(span))
  t.ok(named.length > 20)
  for (const path of named) t.ok([path, `src/${path}`].some(each => existsSync(new URL(each, root))), path)
})

/** The folders in a folder of the project, without those that git ignores. */
function foldersIn (folder: string): string[] {
  const ignored = new Set(['.git', ...read('.gitignore').split('\n').map(line => line.replaceAll('/', ''))])
  return readdirSync(new URL(`${folder}/`, root), { withFileTypes: true }).filter(entry => entry.isDirectory() && !ignored.has(entry.name)).map(({ name }) => name)
}

/** What each part of src imports of the others: a folder stands for its files. */
function arrows (): Record<string, string[]> {
  const partOf = (path: string): string => path.split('/')[0] ?? ''
  const known: Record<string, string[]> = Object.fromEntries(readdirSync(new URL('src/', root)).map(name => [name, []]))
  for (const name of sources) {
    const imported = [...read(`src/${name}`).matchAll(/(?:from|import)\(? ?'(\.[^']+)'/g)].map(([, path = '']) => partOf(normalize(join(dirname(name), path))))
    const part = partOf(name)
    known[part] = [...new Set([...known[part] ?? [], ...imported.filter(other => other !== part)])].sort()
  }
  return known
}
