import { test } from 'tap'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseEnv } from 'node:util'
import { loadConfig } from '../../src/config/config.ts'
import { settings } from '../../src/config/settings.ts'
import { errorTable } from '../../src/errors.ts'
import { anchorsOf, blocksOf, codeSpans, documents, linksOf, proseOf, read, root, rowsOf } from './markdown.ts'
import { testsOf, titlesOf } from './proofs.ts'

const PAGES = ['configuration', 'operations', 'recipes', 'architecture'].map(name => `docs/${name}.md`)
const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts')).sort()
const sourceText = sources.map(name => read(`src/${name}`)).join('\n')
const readiness = read('src/token/token-status.ts') + read('src/endpoints/health.ts')

test('every link between the documents leads to a file, and its anchor to a heading there', async t => {
  for (const file of documents()) {
    for (const { path, anchor } of linksOf(read(file))) {
      const target = path === '' ? file : normalize(join(dirname(file), path))
      t.ok(existsSync(new URL(target, root)), `${file}: ${path}`)
      if (anchor !== '' && target.endsWith('.md')) t.ok(anchorsOf(read(target)).has(anchor), `${file}: ${path}#${anchor}`)
    }
  }
})

test('from each page of docs/ another one leads on, and the four guides reach every page there', async t => {
  const linked = new Set<string>()
  for (const page of PAGES) {
    const targets = linksOf(read(page)).map(({ path }) => normalize(join('docs', path)))
    t.ok(PAGES.some(other => other !== page && targets.includes(other)), page)
    for (const target of targets) linked.add(target)
  }
  for (const file of readdirSync(new URL('docs/', root)).filter(name => name.endsWith('.md'))) t.ok(linked.has(`docs/${file}`), file)
})

test('anchors are made as GitHub makes them, links and blocks are read as they are written', async t => {
  t.strictSame([...anchorsOf("# A b\n## `c_d`, e's — f!\n## A b\n```sh\n# no heading\n```\n## 设置")], ['a-b', 'c_d-es--f', 'a-b-1', '设置'])
  t.strictSame(linksOf('[a](b.md#c) [d](#e) [f](https://g.example) ![h](i.png)'), [{ path: 'b.md', anchor: 'c' }, { path: '', anchor: 'e' }, { path: 'i.png', anchor: '' }])
  t.strictSame(blocksOf('x.md', 'a\n<!-- from f.py -->\n```python\nb\n```\n- c\n  ```sh\n  d\n  ```\n'), [
    { file: 'x.md', line: 3, language: 'python', text: 'b\n', quotedFrom: 'f.py' },
    { file: 'x.md', line: 7, language: 'sh', text: 'd\n', quotedFrom: undefined },
  ])
})

test('docs/reference/settings.md has each setting in one group, and names no other', async t => {
  const grouped = [...read('docs/reference/settings.md').matchAll(/^Settings: (.+)$/gm)].flatMap(([, list = '']) => codeSpans(list))
  t.strictSame(grouped.sort(), Object.keys(settings).sort())
})

test('each configuration shown in a page is one that the program accepts', async t => {
  const blocks = PAGES.flatMap(page => blocksOf(page)).filter(({ language }) => language === 'ini')
  const dir = t.testdir({ id: 'an-id', secret: 'a-secret', callers: 'ward-app:4f0c6a1b2c3d4e5f60718293a4b5c6d7' })
  const pem = (name: string): string => new URL(`test/fixtures/tls/${name}.pem`, root).pathname
  const files = { AMSU_CLIENT_ID_FILE: join(dir, 'id'), AMSU_CLIENT_SECRET_FILE: join(dir, 'secret'), CALLERS_FILE: join(dir, 'callers'), AMSU_CA_FILE: pem('ca'), TLS_CERT_FILE: pem('server'), TLS_KEY_FILE: pem('server-key') }
  t.ok(blocks.length > 10)
  for (const { file, line, text } of blocks) {
    const shown = parseEnv(text) as Record<string, string>
    for (const name of Object.keys(shown)) t.ok(name in settings, `${file}:${line}: ${name}`)
    const given = { AMSU_CLIENT_ID: 'an-id', AMSU_CLIENT_SECRET: 'a-secret', ...shown, ...Object.fromEntries(Object.entries(files).filter(([name]) => name in shown)) }
    writeFileSync(join(dir, '.env'), Object.entries(given).map(([name, value]) => `${name}=${value}`).join('\n'))
    const fromFiles = Object.keys(shown).filter(name => name.startsWith('AMSU_CLIENT') && name.endsWith('_FILE')).map(name => [name, files[name as keyof typeof files]])
    t.doesNotThrow(() => loadConfig(Object.fromEntries(fromFiles) as Record<string, string>, join(dir, '.env')), `${file}:${line}`)
  }
})

test('every error code a page names exists, and every setting', async t => {
  for (const page of PAGES) {
    const text = read(page)
    for (const [, code = ''] of text.matchAll(/PROXY\.([A-Z_]+)/g)) t.ok(code in errorTable, `${page}: ${code}`)
    const names = codeSpans(text).filter(span => /^(?:AMSU|ADMIN|ALLOW(?:ED)?|CALLERS|MAX|REPLAY|TLS|TOKEN|UPSTREAM|UNIX|QUOTA|SHUTDOWN|LOG)(?:_[A-Z]+)+$/.test(span))
    for (const name of names) t.ok(name in settings, `${page}: ${name}`)
  }
})

test('every message a page quotes is one of the program', async t => {
  /** What else has a blank: commands, calls, headers, settings with a value. */
  const others = /^(?:kill|systemctl|npm|docker|LoadCredential|ALLOWED_ROUTES|code=|outcome=|(?:GET|POST|PUT) |auth=|proxy_set_header|name: )/
  for (const page of PAGES) {
    const quoted = codeSpans(proseOf(read(page))).filter(span => span.includes(' ') && !others.test(span))
    for (const message of quoted) t.match(sourceText, pattern(message), `${page}: ${message}`)
  }
})

test('each run book says where to look, in the words of the program, and what to do', async t => {
  const places = ['where you look', 'log', '`/readyz`', '`check`', 'status page', 'alert', 'cause', 'what to do']
  const part = /^## Run books\n([^]*?)^## /m.exec(read('docs/operations.md'))?.[1] ?? ''
  const books = part.split(/^### /m).slice(1)
  t.ok(books.length >= 10)
  const words = read('src/endpoints/status-page/words.ts')
  const alerts = read('docker/monitoring/alerts.yaml')
  const metrics = read('src/endpoints/metrics.ts')
  for (const book of books) {
    const name = book.split('\n')[0] ?? ''
    const rows = rowsOf(book)
    t.strictSame(rows.map(([place]) => place), places, name)
    const spans = (place: string): string[] => codeSpans(rows.find(([where]) => where === place)?.[1] ?? '')
    for (const span of spans('status page').filter(span => !(span in settings))) t.match(words, pattern(span), `${name}: ${span}`)
    for (const span of [...spans('log'), ...spans('`check`')].filter(span => !span.startsWith('PROXY.') && !(span in settings))) t.match(sourceText, pattern(span), `${name}: ${span}`)
    for (const span of spans('`/readyz`')) t.match(readiness, readinessPattern(span), `${name}: ${span}`)
    for (const span of spans('alert').filter(span => span.startsWith('AmsuProxy'))) t.match(alerts, `alert: ${span}\n`, `${name}: ${span}`)
    for (const span of spans('alert').filter(span => span.startsWith('amsu_proxy_'))) t.match(metrics, `'${span.replace('amsu_proxy_', '')}'`, `${name}: ${span}`)
  }
  for (const [, alert = ''] of alerts.matchAll(/alert: (\w+)/g)) t.match(part, alert, `a run book names ${alert}`)
})

test('what the README quotes of a fault is in the program, in the place it names', async t => {
  const rows = rowsOf(/^## When something is wrong\n([^]*?)^## /m.exec(read('README.md'))?.[1] ?? '').slice(1)
  t.strictSame(rows.map(([broken = '']) => broken.split(',')[0]), ['id or secret', 'id or secret', 'network', 'network', 'quota', 'clock'])
  for (const [broken, , , , page = ''] of rows) for (const span of codeSpans(page)) t.match(read('src/endpoints/status-page/words.ts'), pattern(span), `${broken}: ${span}`)
  for (const [broken, , readyz = ''] of rows) for (const span of codeSpans(readyz)) t.match(readiness, readinessPattern(span), `${broken}: ${span}`)
  for (const [broken, log = '', , check = ''] of rows) for (const span of codeSpans(log + check).filter(span => span.includes(' '))) t.match(sourceText, pattern(span), `${broken}: ${span}`)
})

test('what a recipe quotes from an app that is run stands in it, line by line and in that order', async t => {
  const quotes = documents().flatMap(file => blocksOf(file)).filter(({ quotedFrom }) => quotedFrom !== undefined)
  t.strictSame(quotes.map(({ quotedFrom = '' }) => quotedFrom).sort(), readdirSync(new URL('test/clients/apps/', root)).map(name => `test/clients/apps/${name}`).sort())
  for (const { quotedFrom = '', text } of quotes) {
    const lines = read(quotedFrom).split('\n').map(line => line.trim())
    let at = 0
    for (const line of text.trim().split('\n').map(line => line.trim())) {
      const found = lines.indexOf(line, at)
      t.ok(found >= 0, `${quotedFrom}: ${line}`)
      at = found + 1
    }
  }
})

test('docs/internals/architecture.md has every part of src, and the arrows that its imports are', async t => {
  const rows = rowsOf(/^## The house\n([^]*?)^## /m.exec(read('docs/internals/architecture.md'))?.[1] ?? '').filter(([, , knows]) => knows !== 'knows')
  const told = Object.fromEntries(rows.map(([part = '', , knows = '']) => [codeSpans(part)[0], codeSpans(knows).sort()]))
  t.strictSame(Object.keys(told).sort(), readdirSync(new URL('src/', root)).sort())
  t.strictSame(told, arrows())
})

test('every arrow drawn between the parts is one of their imports', async t => {
  const [drawing] = blocksOf('docs/internals/architecture.md').filter(({ language }) => language === 'mermaid')
  const known = arrows()
  const partOf = (name: string): string => name in known ? name : `${name}.ts`
  const drawn = [...(drawing?.text ?? '').matchAll(/^ +(\w+)(?:\["[^"]+"\])? --> (\w+)/gm)]
  t.ok(drawn.length > 10)
  for (const [, from = '', to = ''] of drawn) t.ok(known[partOf(from)]?.includes(partOf(to)), `${from} --> ${to}`)
})

test('the figures that pages repeat are those of the program', async t => {
  const figures = [
    ['recipes', 'ended by the proxy after 72 s', 'server/listener', 'KEEP_ALIVE_TIMEOUT_MS = 72_000'],
    ['recipes', '`UPSTREAM_RESPONSE_TIMEOUT_MS`, 5 minutes', 'config/settings', 'UPSTREAM_RESPONSE_TIMEOUT_MS: milliseconds(300_000,'],
    ['operations', 'wait up to 4 MiB', 'logging/log-destination', 'MAX_BACKLOG_BYTES = 4 * 1_048_576'],
    ['operations', 'tries again after 1 to 30 s', 'token/refresh-policy', 'FIRST_RETRY_MS = 1_000\nconst LONGEST_RETRY_MS = 30_000'],
    ['operations', 'tried again after 60 s', 'token/refresh-policy', 'REJECTED_RETRY_MS = 60_000'],
    ['operations', 'renewed at about 80 % of its life', 'token/refresh-policy', 'RENEW_AT_SHARE = 0.8'],
    ['operations', 'at most 16 times `REPLAY_BODY_BYTES`', 'relay/replay-buffer', 'BODIES_AT_ONCE = 16'],
    ['configuration', 'at most 16 times as much', 'relay/replay-buffer', 'BODIES_AT_ONCE = 16'],
    ['configuration', 'less than 16 characters', 'callers/caller-list', 'SHORTEST_SECRET = 16'],
    ['configuration', 'every five minutes', 'config/settings', "QUOTA_POLL_SECONDS: { type: 'integer', default: 300,"],
  ] as const
  for (const [page, words, file, line] of figures) {
    t.ok(read(`docs/${page}.md`).replaceAll(/\s+/g, ' ').includes(words), `${page}: ${words}`)
    t.ok(read(`src/${file}.ts`).includes(line), `${file}: ${line}`)
  }
})

test('every file a page names exists', async t => {
  for (const page of PAGES) {
    const paths = codeSpans(proseOf(read(page))).filter(span => /^(?:docker|test|src|docs|relay|token|report|config)\/[\w./-]+$/.test(span))
    for (const path of paths) t.ok([path, `src/${path}`].some(each => existsSync(new URL(each, root))), `${page}: ${path}`)
  }
})

test('every invariant of docs/internals/architecture.md is proved by a test that is run', async t => {
  const rows = rowsOf(/^## What always holds\n([^]*)/m.exec(read('docs/internals/architecture.md'))?.[1] ?? '').slice(1)
  t.ok(rows.length > 10)
  for (const [invariant = '', proof = ''] of rows) {
    const named = testsOf(proof)
    t.ok(named.length > 0, invariant)
    for (const { file, title } of named) t.ok(titlesOf(read(file)).includes(title), `${file}: ${title}`)
  }
})

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

/** A word of `/readyz` as a source has it; behind the colon of a warning stands what it is about. */
function readinessPattern (span: string): RegExp {
  return new RegExp(`['\`]${span.replace('…', '\\$\\{')}`)
}

/** A text as it stands in a source, `…` for what is filled in on the same line. */
function pattern (text: string): RegExp {
  return new RegExp(text.split('…').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*'))
}
