/**
 * Which versions are installed, held against the advisories that concern what this program uses. A downgrade, by hand or by a
 * lock file that was merged badly, fails here under the advisory it would bring back.
 */
import { test } from 'tap'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'

const root = new URL('../', import.meta.url)

/** An installed copy of a package: several versions of one can be there, one below another. */
interface Copy {
  readonly path: string
  readonly name: string
  readonly version: string
}

/** An entry of the lock file; `dev` is what `npm ci --omit=dev` leaves out. */
interface Locked {
  readonly version: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly resolved?: string
  readonly integrity?: string
}

const manifest = readJson<{ dependencies: Record<string, string>, devDependencies: Record<string, string> }>('package.json')
const lockText = readFileSync(new URL('package-lock.json', root), 'utf8')
const locked = Object.entries((JSON.parse(lockText) as { packages: Record<string, Locked> }).packages).filter(([path]) => path !== '')

/** What runs in production, as it lies on the disk. */
const production = locked.filter(([, { dev }]) => dev !== true).map(([path]): Copy => ({ path, name: nameOf(path), version: readJson<Locked>(`${path}/package.json`).version }))

const sources = readdirSync(new URL('src/', root), { encoding: 'utf8', recursive: true })
  .filter(path => path.endsWith('.ts'))
  .map(path => ({ path: `src/${path}`, text: readFileSync(new URL(`src/${path}`, root), 'utf8') }))

/** Advisory, package, the first version that is mended, and what it would bring back. */
const MINIMUM: ReadonlyArray<readonly [advisory: string, name: string, minimum: string, defect: string]> = [
  ['CVE-2026-33805 (GHSA-gwhp-pf74-vj37)', '@fastify/reply-from', '12.6.2', 'Connection nominates our Authorization away'],
  ['CVE-2026-16158', '@fastify/reply-from', '12.6.4', 'one cached URL stands for another'],
  ['CVE-2025-66415 (GHSA-2q7r-29rg-6m5h)', '@fastify/reply-from', '12.5.0', 'an encoded .. leaves the base path'],
  ['CVE-2023-51701', '@fastify/reply-from', '9.6.0', 'a body is encoded anew under another content type'],
  ['CVE-2021-21321', '@fastify/reply-from', '4.0.2', 'a crafted URL leaves the prefix'],
  ['CVE-2021-21322', '@fastify/http-proxy', '4.3.1', 'a crafted URL leaves the prefix'],
  ['CVE-2026-33805 (GHSA-gwhp-pf74-vj37), in http-proxy', '@fastify/http-proxy', '11.4.4', 'Connection nominates our Authorization away'],
  ['CVE-2026-16117', '@fastify/http-proxy', '11.5.1', 'an encoded prefix skips the rewrite'],
  ['CVE-2026-15631', '@fastify/http-proxy', '11.5.1', 'the target of a WebSocket leaves the prefix'],
  ['CVE-2026-85124 (GHSA-qv33-689p-2xq5)', '@fastify/http-proxy', '11.6.2', 'backslashes leave the prefix'],
  ['CVE-2022-39288', 'fastify', '4.8.1', 'a content type ends the process'],
  ['CVE-2022-41919', 'fastify', '4.10.2', 'a content type passes the CORS preflight'],
  ['CVE-2025-32442', 'fastify', '5.3.2', 'a content type skips the check of the body'],
  ['CVE-2026-25223', 'fastify', '5.7.2', 'a tab in a content type skips the check of the body'],
  ['CVE-2026-25224', 'fastify', '5.7.3', 'a web stream fills the memory'],
  ['CVE-2026-3419', 'fastify', '5.8.1', 'garbage behind a content type skips the check of the body'],
  ['CVE-2026-3635 (GHSA-444r-cwp2-x5xf)', 'fastify', '5.8.3', 'X-Forwarded-Host of anybody is believed'],
  ['CVE-2026-33806', 'fastify', '5.8.5', 'a blank before a content type skips the check of the body'],
  ['CVE-2026-107832', 'fastify', '5.12.6', 'the case of a header name skips its check'],
  ['CVE-2026-92395', '@fastify/proxy-addr', '5.1.1', 'every IPv4 address is trusted'],
  ['CVE-2024-45813', 'find-my-way', '9.0.1', 'a path takes very long to match'],
  ['CVE-2026-47219 (GHSA-c96f-x56v-gq3h)', 'find-my-way', '9.7.0', 'a request over HTTP/2 ends the process'],
  ['CVE-2022-31150, CVE-2022-35948, CVE-2022-35949, CVE-2023-23936', 'undici', '6.0.0', 'a path names another host; line breaks begin headers'],
  ['CVE-2023-45143, CVE-2024-24758, CVE-2024-30260', 'undici', '7.0.0', 'credentials are kept on a redirect to another origin'],
  ['CVE-2026-1525 (GHSA-2mjp-6q6p-2qxm)', 'undici', '7.24.0', 'two lengths frame one request'],
  ['CVE-2026-1527', 'undici', '7.24.0', 'line breaks in an upgrade begin headers'],
  ['CVE-2026-6733 (GHSA-35p6-xmwp-9g52)', 'undici', '7.28.0', 'an response nobody asked for is given to the next request'],
  ['GHSA-m8rv-5g2x-5cg5, GHSA-8xcm-r25x-g524, GHSA-4cwx-7wf7-3272, GHSA-jr45-8vmc-qm54, GHSA-v3r7-h72x-cjcm', 'undici', '7.29.0', 'a retried length, cached responses, injected cookies'],
  ['CVE-2026-84961', 'undici', '7.29.1', 'a pool drops the check of the server’s identity'],
  ['CVE-2026-109924, CVE-2026-12151, CVE-2026-1526, CVE-2026-1528, CVE-2026-2229', 'undici', '7.30.1', 'event streams and WebSockets fill the memory'],
  ['CVE-2026-120415, CVE-2026-116630', 'undici', '7.30.2', 'a redirect keeps Authorization'],
  ['CVE-2024-37890', 'ws', '8.17.1', 'many headers end the process'],
]

for (const [advisory, name, minimum, defect] of MINIMUM) {
  test(`${advisory}: ${name} is ${minimum} or newer, else ${defect}`, async t => {
    const copies = production.filter(copy => copy.name === name)
    t.ok(copies.length > 0, 'it is installed')
    for (const { path, version } of copies) t.ok(isAtLeast(version, minimum), `${path} ${version}`)
  })
}

test('there is one undici, which only reply-from requires', async t => {
  t.match(production.filter(({ name }) => name === 'undici').map(({ path, version }) => `${path} ${version}`), [/^node_modules\/undici 7\./])
  t.equal(production.filter(({ name }) => name === 'undici').length, 1)
})

test('packages with unfixed defects, and WebSocket servers (CVE-2022-39386), are not installed', async t => {
  for (const name of ['http-proxy', 'http-proxy-middleware', 'hono', '@fastify/websocket']) t.notOk(locked.some(([path]) => nameOf(path) === name), name)
})

test('what is installed is what the lock file says, in production and in development', async t => {
  for (const [path, { optional, version }] of locked) {
    if (optional === true && !existsSync(new URL(`${path}/package.json`, root))) continue
    t.equal(readJson<Locked>(`${path}/package.json`).version, version, path)
  }
})

test('every dependency is pinned to one version', async t => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) t.match(version, /^\d+\.\d+\.\d+$/, name)
})

test('the lock file names no registry and has a checksum for every package', async t => {
  for (const [path, { integrity, resolved }] of locked) {
    t.equal(resolved, undefined, path)
    t.match(integrity, /^sha512-/, path)
  }
  t.notMatch(lockText, /registry\./i)
})

test('every package the program imports is installed in production, and no other is asked for', async t => {
  // It runs when the program is built and is not part of it (esbuild.config.ts).
  const program = sources.filter(({ path }) => path !== 'src/endpoints/status-page/assets.ts')
  t.equal(program.length, sources.length - 1)
  const imported = new Set(program.flatMap(({ text }) => [...text.matchAll(/(?:from|import\() ?'([^.'][^']*)'/g)].map(([, specifier = '']) => packageOf(specifier))).filter(name => !builtinModules.includes(name)))
  t.strictSame([...imported].sort(), Object.keys(manifest.dependencies).sort())
})

test('the global fetch is never used: Node’s own undici misses the fixes above', async t => {
  for (const { path, text } of sources) t.notMatch(text, /(?<![.\w])(?:globalThis\.)?fetch ?\(|\b(?:EventSource|WebSocket) ?\(/, path)
})

test('of undici nothing is used, so none of its advisories is about this program', async t => {
  for (const { path, text } of sources) t.notMatch(text, /(?:from|import\(|require\() ?'undici/, path)
})

test('the options that the advisories of http-proxy are about are not set: no websocket (CVE-2026-15631), no parameter in a prefix (CVE-2026-120213)', async t => {
  const users = sources.filter(({ text }) => text.includes("'@fastify/http-proxy'"))
  t.strictSame(users.map(({ path }) => path), ['src/relay/plugin.ts'])
  for (const { text } of users) {
    t.notMatch(text, /\bwebsocket\b|\bwsUpstream\b|\bproxyPayloads\b|\bgetUpstream\b/)
    t.match(text, /\bundici: \{ request: unreachable \}/, 'it makes no connections (CVE-2026-107318)')
    t.strictSame([...text.matchAll(/\b(?:prefix|rewritePrefix): (\w+)/g)].map(([, value]) => value), ['PREFIX', 'PREFIX'])
    t.match(text, /const PREFIX = '\/[^':*]+'/)
  }
})

test('the image runs a line of Node.js that is mended (CVE-2026-58044 is not in 20), and without a debugger', async t => {
  const dockerfile = readFileSync(new URL('Dockerfile', root), 'utf8')
  const [, major] = /^FROM node:(\d+)\S* AS base$/m.exec(dockerfile) ?? []
  t.ok(Number(major) >= 22, `Node.js ${String(major)}`)
  t.match(dockerfile, /ENTRYPOINT \["node", "--disable-sigusr1",/)
})

test('versions are compared as numbers', async t => {
  for (const [version, minimum, expected] of [
    ['1.2.3', '1.2.3', true], ['1.2.4', '1.2.3', true], ['1.10.0', '1.9.9', true], ['2.0.0', '1.9.9', true], ['1.2.2', '1.2.3', false], ['1.9.0', '1.10.0', false], ['0.9.9', '1.0.0', false],
    ['1.2.3-rc.1', '1.2.3', false], ['1.2.4-rc.1', '1.2.3', true],
  ] as const) t.equal(isAtLeast(version, minimum), expected, `${version} ${minimum}`)
})

/** Whether `version` is `minimum` or newer; what is released before a version is older than it. */
function isAtLeast (version: string, minimum: string): boolean {
  const [release = '', before] = version.split('-', 2)
  const parts = release.split('.').map(Number)
  const differs = minimum.split('.').map((part, i) => (parts[i] ?? 0) - Number(part)).find(difference => difference !== 0)
  return differs === undefined ? before === undefined : differs > 0
}

function nameOf (path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}

function packageOf (specifier: string): string {
  return specifier.replace(/^node:/, '').split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

function readJson<T> (path: string): T {
  return JSON.parse(readFileSync(new URL(path, root), 'utf8')) as T
}
