import { test } from 'tap'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { loadConfig } from '../../src/config/config.ts'
import { settings } from '../../src/config/settings.ts'
import { errorTable } from '../../src/errors.ts'
import { blocksOf, codeSpans, documents, operatorPages, pattern, proseOf, read, root, rowsOf, sectionOf, translations } from './markdown.ts'

const PAGES = [...operatorPages(), 'docs/internals/architecture.md', 'AGENTS.md']
const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts')).sort()
const sourceText = sources.map(name => read(`src/${name}`)).join('\n')
const readiness = read('src/token/token-status.ts') + read('src/endpoints/health.ts')

test('what an operator reads names no test', async t => {
  const chinese = translations().map(([, page]) => page)
  for (const page of [...operatorPages(), ...chinese]) {
    const text = proseOf(read(page)).replaceAll(/<!--[^]*?-->/g, '')
    t.notMatch(text, /\btest\/|\.test\.ts|npm run test|npm test/, page)
  }
})

test('each configuration shown in a page is one that the program accepts', async t => {
  const blocks = PAGES.flatMap(page => blocksOf(page)).filter(({ language }) => language === 'ini')
  const dir = t.testdir({ id: 'an-id', secret: 'a-secret', callers: 'ward-app:4f0c6a1b2c3d4e5f60718293a4b5c6d7' })
  const pem = (name: string): string => new URL(`test/fixtures/tls/${name}.pem`, root).pathname
  const files = { AMSU_CLIENT_ID_FILE: join(dir, 'id'), AMSU_CLIENT_SECRET_FILE: join(dir, 'secret'), CALLERS_FILE: join(dir, 'callers'), AMSU_CA_FILE: pem('ca'), TLS_CERT_FILE: pem('server'), TLS_KEY_FILE: pem('server-key') }
  t.ok(blocks.length > 15)
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
  /** What else has a blank: commands, calls, headers, settings with a value, code of clients. */
  const others = /^(?:kill|ls src|systemctl|npm|npx|node|docker|curl|openssl|amsu-proxy|LoadCredential|ALLOWED_ROUTES|code=|outcome=|(?:GET|POST|PUT) |auth=|proxy_set_header|name: |-e |\.url\(|fetch\(|url = )/
  for (const page of PAGES) {
    const quoted = codeSpans(proseOf(read(page))).filter(span => span.includes(' ') && !others.test(span))
    for (const message of quoted) t.ok(pattern(message).test(sourceText), `${page}: ${message}`)
  }
})

test('what the page of operations quotes of a fault at a glance is in the program, in the place it names', async t => {
  const rows = rowsOf(sectionOf(read('docs/operations.md'), 'At a glance')).slice(1)
  t.strictSame(rows.map(([broken = '']) => broken.split(',')[0]), ['id or secret', 'id or secret', 'network', 'network', 'quota', 'clock'])
  for (const [broken, , , , page = ''] of rows) for (const span of codeSpans(page)) t.match(read('src/endpoints/status-page/words.ts'), pattern(span), `${broken}: ${span}`)
  for (const [broken, , readyz = ''] of rows) for (const span of codeSpans(readyz)) t.match(readiness, readinessPattern(span), `${broken}: ${span}`)
  for (const [broken, log = '', , check = ''] of rows) for (const span of codeSpans(log + check).filter(span => span.includes(' '))) t.ok(pattern(span).test(sourceText), `${broken}: ${span}`)
})

test('each runbook says where to look, in the words of the program, and what to do', async t => {
  const places = ['where you look', 'log', '`/readyz`', '`check`', 'status page', 'alert', 'cause', 'what to do']
  const part = sectionOf(read('docs/operations.md'), 'Runbooks')
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
    for (const span of [...spans('log'), ...spans('`check`')].filter(span => !span.startsWith('PROXY.') && !(span in settings))) t.ok(pattern(span).test(sourceText), `${name}: ${span}`)
    for (const span of spans('`/readyz`')) t.match(readiness, readinessPattern(span), `${name}: ${span}`)
    for (const span of spans('alert').filter(span => span.startsWith('AmsuProxy'))) t.match(alerts, `alert: ${span}\n`, `${name}: ${span}`)
    for (const span of spans('alert').filter(span => span.startsWith('amsu_proxy_'))) t.match(metrics, `'${span.replace('amsu_proxy_', '')}'`, `${name}: ${span}`)
  }
  const table = sectionOf(read('docs/guides/monitoring.md'), 'Alerts')
  for (const [, alert = '', severity = ''] of alerts.matchAll(/alert: (\w+)[^]*?severity: (\w+)/g)) {
    t.match(part, alert, `a runbook names ${alert}`)
    t.match(rowsOf(table).find(([names = '']) => names.includes(`\`${alert}\``))?.[1], severity, `the guide has ${alert}`)
  }
})

test('what a recipe quotes from an app that is run stands in it, line by line and in that order', async t => {
  const chinese = new Set(translations().map(([, page]) => page))
  const quotes = documents().filter(file => !chinese.has(file)).flatMap(file => blocksOf(file)).filter(({ quotedFrom }) => quotedFrom !== undefined)
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

test('the figures that pages repeat are those of the program', async t => {
  const figures = [
    ['guides/recipes', 'closed by the proxy after 72 s', 'server/http-server', 'KEEP_ALIVE_TIMEOUT_MS = 72_000'],
    ['guides/recipes', '`UPSTREAM_RESPONSE_TIMEOUT_MS`, 5 minutes', 'config/settings', 'UPSTREAM_RESPONSE_TIMEOUT_MS: milliseconds(300_000,'],
    ['operations', 'wait up to 4 MiB', 'logging/log-destination', 'MAX_BACKLOG_BYTES = 4 * 1_048_576'],
    ['reference/log-fields', 'wait, up to 4 MiB', 'logging/log-destination', 'MAX_BACKLOG_BYTES = 4 * 1_048_576'],
    ['operations', 'tries again after 1 to 30 s', 'token/renewal-policy', 'MIN_RETRY_MS = 1_000\nconst MAX_RETRY_MS = 30_000'],
    ['operations', 'tried again after 60 s', 'token/renewal-policy', 'REJECTED_RETRY_MS = 60_000'],
    ['operations', 'renewed at about 80 % of its life', 'token/renewal-policy', 'RENEW_AT_SHARE = 0.8'],
    ['reference/endpoints', 'renews it at about 80 % of its life', 'token/renewal-policy', 'RENEW_AT_SHARE = 0.8'],
    ['operations', 'at most 16 times `REPLAY_BODY_BYTES`', 'relay/replay-buffer', 'MAX_KEPT_BODIES = 16'],
    ['reference/settings', 'at most 16 times as much', 'relay/replay-buffer', 'MAX_KEPT_BODIES = 16'],
    ['reference/settings', 'less than 16 characters', 'callers/caller-list', 'MIN_SECRET_LENGTH = 16'],
    ['reference/settings', 'every five minutes', 'config/settings', "QUOTA_POLL_SECONDS: { type: 'integer', default: 300,"],
  ] as const
  for (const [page, words, file, line] of figures) {
    t.ok(read(`docs/${page}.md`).replaceAll(/\s+/g, ' ').includes(words), `${page}: ${words}`)
    t.ok(read(`src/${file}.ts`).includes(line), `${file}: ${line}`)
  }
})

test('every file a page names exists', async t => {
  const folders = readdirSync(new URL('src/', root), { withFileTypes: true }).filter(entry => entry.isDirectory()).map(({ name }) => name)
  const names = new RegExp(`^(?:docker|test|src|docs|${folders.join('|')})/[\\w./-]+$`)
  for (const page of PAGES) {
    const paths = codeSpans(proseOf(read(page))).filter(span => names.test(span))
    for (const path of paths) t.ok([path, `src/${path}`].some(each => existsSync(new URL(each, root))), `${page}: ${path}`)
  }
})

/** A word of `/readyz` as a source has it; behind the colon of a warning stands what it is about. */
function readinessPattern (span: string): RegExp {
  return new RegExp(`['\`]${span.replace('…', '\\$\\{')}`)
}
