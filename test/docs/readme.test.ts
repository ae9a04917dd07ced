import { test } from 'tap'
import { existsSync, readFileSync } from 'node:fs'
import { settings } from '../../src/config/settings.ts'
import { renderErrorTable } from './error-document.ts'
import { readSection, replaceSection } from './section.ts'
import { renderSettingsTable } from './settings-document.ts'

const root = new URL('../../', import.meta.url)
const readme = readFileSync(new URL('README.md', root), 'utf8')
/** Those whose links and scripts are looked after here. */
const documents = ['README.md', 'README.zh-CN.md', 'CONTRIBUTING.md', 'CHANGELOG.md']
const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: Record<string, string> }

test('the settings in the README are those of the program; npx tsx test/docs/main.ts writes them', async t => {
  t.equal(readSection(readme, 'settings'), renderSettingsTable())
})

test('the errors in the README are those of the program; npx tsx test/docs/main.ts writes them', async t => {
  t.equal(readSection(readme, 'errors'), renderErrorTable())
})

test('every script the documents name exists', async t => {
  for (const file of documents) {
    const names = readFileSync(new URL(file, root), 'utf8').matchAll(/\bnpm run ([a-z:-]+)/g)
    for (const [, name] of names) t.ok(name !== undefined && name in scripts, `${file}: npm run ${name}`)
  }
})

test('the README tells of every script', async t => {
  for (const name of Object.keys(scripts)) t.match(readme, new RegExp(`^\\| \`npm (?:run )?${name}\` \\| \\S`, 'm'), name)
})

test('every setting that a command of the README gives is one, of the program or of the stand-in', async t => {
  const commands = [...readme.matchAll(/^```(?:sh|yaml)\n([^]*?)^```$/gm)].map(([, block = '']) => block).join('\n')
  const names = [...commands.matchAll(/(?:^|-e |export | |name: )([A-Z][A-Z_]+)(?==|, value)/gm)].map(([, name = '']) => name)
  t.ok(names.length > 8)
  const standIn = readFileSync(new URL('../simulator/main.ts', import.meta.url), 'utf8')
  for (const name of names) t.ok(name in settings || standIn.includes(`env['${name}']`), name)
})

test('every file the documents link to exists', async t => {
  for (const file of documents) {
    const targets = readFileSync(new URL(file, root), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)
    for (const [, target] of targets) t.ok(target !== undefined && existsSync(new URL(target, root)), `${file}: ${target}`)
  }
})

test('a part of a document is found, and replaced without touching the rest', async t => {
  const document = 'a\n<!-- x:start -->\nold\nlines\n<!-- x:end -->\nb\n'
  t.equal(readSection(document, 'x'), 'old\nlines')
  t.equal(replaceSection(document, 'x', 'new $& $1'), 'a\n<!-- x:start -->\nnew $& $1\n<!-- x:end -->\nb\n')
  t.equal(replaceSection('<!-- x:start -->\n<!-- x:end -->', 'x', 'new'), '<!-- x:start -->\nnew\n<!-- x:end -->')
  t.throws(() => readSection(document, 'y'), { message: 'no part named y' })
  t.throws(() => readSection('<!-- x:start -->\n', 'x'), { message: 'no part named x' })
})
