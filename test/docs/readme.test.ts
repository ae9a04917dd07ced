import { test } from 'tap'
import { settings } from '../../src/config/settings.ts'
import { codeSpans, pages, read, rowsOf, sectionOf, slugOf } from './markdown.ts'
import { readSection, replaceSection } from './section.ts'

const readme = read('README.md')
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

/** A README that nobody reads to its end has said nothing. */
const MAX_LINES = 220

test('each README has at most 220 lines', async t => {
  for (const file of ['README.md', 'README.zh-CN.md']) t.ok(read(file).trimEnd().split('\n').length <= MAX_LINES, file)
})

test('the README says what it is, what it does, how to start, install and use it, in that order', async t => {
  const headings = [...readme.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => slugOf(heading))
  t.strictSame(headings, ['what-it-does', 'quick-start', 'install', 'point-an-app-at-it', 'settings', 'health-and-status', 'security', 'speed', 'documentation', 'contributing'])
  t.equal(sectionOf(readme, 'What it does').match(/^- /gm)?.length, 8)
  t.equal(sectionOf(readme, 'Security').match(/^- /gm)?.length, 5)
  const [first, second] = [...readme.matchAll(/^```sh\n([^]*?)\n```$/gm)].map(([, block]) => block)
  t.strictSame([first, second], ['npm ci && npm run demo', 'npm cit'])
})

test('the ten settings of the README are settings of the program, with their defaults', async t => {
  const rows = rowsOf(sectionOf(readme, 'Settings')).slice(1)
  t.equal(rows.length, 10)
  for (const [name = '', value = ''] of rows) {
    const setting = Object.entries(settings).find(([each]) => each === codeSpans(name)[0])?.[1]
    t.ok(setting !== undefined, name)
    t.equal(codeSpans(value)[0], setting !== undefined && 'default' in setting ? String(setting.default) : undefined, name)
  }
})

test('every script the documents name exists', async t => {
  for (const file of pages()) {
    const names = read(file).matchAll(/\bnpm run ([a-z:-]+)/g)
    for (const [, name] of names) t.ok(name !== undefined && name in scripts, `${file}: npm run ${name}`)
  }
})

test('CONTRIBUTING describes every script', async t => {
  for (const name of Object.keys(scripts)) t.match(read('CONTRIBUTING.md'), new RegExp(`^\\| \`npm (?:run )?${name}\` \\| \\S`, 'm'), name)
})

test('every setting that a command of the README or of the installation gives is one, of the program or of the simulator', async t => {
  const commands = [readme, read('docs/guides/install.md')].flatMap(text => [...text.matchAll(/^```(?:sh|yaml)\n([^]*?)^```$/gm)].map(([, block = '']) => block)).join('\n')
  const names = [...commands.matchAll(/(?:^|-e |export | |name: )([A-Z][A-Z_]+)(?==|, value)/gm)].map(([, name = '']) => name)
  t.ok(names.length > 8)
  const simulator = read('test/simulator/main.ts')
  for (const name of names) t.ok(name in settings || simulator.includes(`env['${name}']`), name)
})

test('a part of a document is found, and replaced without touching the rest', async t => {
  const document = 'a\n<!-- x:start -->\nold\nlines\n<!-- x:end -->\nb\n'
  t.equal(readSection(document, 'x'), 'old\nlines')
  t.equal(replaceSection(document, 'x', 'new $& $1'), 'a\n<!-- x:start -->\nnew $& $1\n<!-- x:end -->\nb\n')
  t.equal(replaceSection('<!-- x:start -->\n<!-- x:end -->', 'x', 'new'), '<!-- x:start -->\nnew\n<!-- x:end -->')
  t.throws(() => readSection(document, 'y'), { message: 'no part named y' })
  t.throws(() => readSection('<!-- x:start -->\n', 'x'), { message: 'no part named x' })
})
