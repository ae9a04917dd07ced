import { test } from 'tap'
import { readdirSync } from 'node:fs'
import { COMMANDS } from '../../src/commands/usage.ts'
import { settings } from '../../src/config/settings.ts'
import { renderErrorTable } from './error-document.ts'
import { codeSpans, pattern, read, root, rowsOf, sectionOf } from './markdown.ts'
import { readSection } from './section.ts'
import { renderSettingsTable } from './settings-document.ts'

const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts')).sort()
const sourceText = sources.map(name => read(`src/${name}`)).join('\n')

test('the tables of settings and errors are those of the program; npx tsx test/docs/main.ts writes them', async t => {
  for (const [folder, language] of [['docs/reference', 'en'], ['docs/zh-CN/reference', 'zh']] as const) {
    t.equal(readSection(read(`${folder}/settings.md`), 'settings'), renderSettingsTable(language), folder)
    t.equal(readSection(read(`${folder}/errors.md`), 'errors'), renderErrorTable(language), folder)
  }
})

test('the settings page has each setting in one group, and names no other', async t => {
  const grouped = [...read('docs/reference/settings.md').matchAll(/^Settings: (.+)$/gm)].flatMap(([, list = '']) => codeSpans(list))
  t.strictSame(grouped.sort(), Object.keys(settings).sort())
})

test('the metrics page has every metric of the program, with its labels, and no other', async t => {
  const source = read('src/endpoints/metrics.ts')
  const program = [...source.matchAll(/^ +(?:counter|gauge|histogram)\(registry, '(\w+)', '[^']+', (?:\[([^\]]*)\])?/gm)]
    .map(([, name = '', labels = '']) => `${name}${labels === '' ? '' : `{${labels.replaceAll(/[' ]/g, '')}}`}`)
  t.ok(program.length > 12)
  const documented = rowsOf(read('docs/reference/metrics.md')).slice(1).flatMap(([names = '']) => codeSpans(names))
  t.strictSame(documented.sort(), program.sort())
})

test('the metrics page names every value of the labels of token calls and replays', async t => {
  const rows = rowsOf(read('docs/reference/metrics.md'))
  const row = (name: string): string[] => codeSpans(rows.find(([names = '']) => names.includes(name))?.[1] ?? '')
  const quoted = (list: string): string[] => [...list.matchAll(/'(\w+)'/g)].map(([, value = '']) => value)
  const [, calls = '', outcomes = ''] = /^const CALLS.+ = \[(.+)\]$[^]*?^const OUTCOMES.+ = \[(.+)\]$/m.exec(sourceText) ?? []
  t.strictSame(row('token_requests_total').filter(span => !['call', 'outcome'].includes(span)).sort(), [...quoted(calls), ...quoted(outcomes)].sort())
  const [, replays = ''] = /^export type Replay = (.+)$/m.exec(sourceText) ?? []
  t.strictSame(row('replays_total'), quoted(replays))
})

test('the log page has every field of the line of a request', async t => {
  const source = read('src/logging/access-log.ts')
  const written = [...source.matchAll(/"(\w+)":/g)].map(([, field = '']) => field).filter(field => !['level', 'time', 'msg'].includes(field))
  t.ok(written.length > 10)
  const documented = rowsOf(sectionOf(read('docs/reference/log-fields.md'), 'One line for each relayed request')).slice(1).flatMap(([names = '']) => codeSpans(names))
  t.strictSame(documented.sort(), [...new Set(written)].sort())
})

test('the log page has every message that the program logs', async t => {
  const messages = rowsOf(sectionOf(read('docs/reference/log-fields.md'), 'Other lines')).slice(1).flatMap(([names = '']) => codeSpans(names))
  const logged = sources.flatMap(name => read(`src/${name}`).split('\n')).filter(line => /\blog(?:ger)?\.(?:info|warn|error|fatal)\(|\.(?:info|warn|error|fatal)\(\{ /.test(line))
    .flatMap(line => [...line.matchAll(/(?<![=<>] )(['`])([^'`]{5,})\1(?=[ ,)]|$)/g)].map(([, , text = '']) => text)).filter(text => /^[\w-]+(?: |$)/.test(text) && !text.startsWith('PROXY') && !['AMSU_', 'ahead of', 'behind'].some(other => text.startsWith(other)))
  t.ok(logged.length > 20, `${logged.length} messages`)
  for (const text of logged) t.ok(messages.some(message => pattern(message).test(text) || text.startsWith(message.split('…')[0] ?? message)), text)
})

test('the page of commands has every command', async t => {
  const documented = codeSpans(rowsOf(read('docs/reference/exit-codes.md')).map(([command = '']) => command).join('\n'))
  for (const command of COMMANDS) t.ok(documented.includes(`amsu-proxy ${command}`), command)
})

test('the page of policies names the Node.js versions that are tested, the oldest of them as package.json does', async t => {
  const versions = rowsOf(sectionOf(read('docs/reference/policies.md'), 'Node.js versions')).slice(1).map(([version = '']) => version.split(' ')[0])
  const [, tested = ''] = /node: \[(.+)\]/.exec(read('.github/workflows/test.yml')) ?? []
  t.strictSame(versions, tested.replaceAll('"', '').split(', '))
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } }
  t.equal(engines.node, `>=${versions[0]}`)
  t.match(read('Dockerfile'), `node:${versions.at(-1)}-`)
})
