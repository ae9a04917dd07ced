/**
 * What is built: one program that needs nothing beside it, and the shortcuts of its build held against the packages they shorten.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileFunction } from 'node:vm'
import tap, { test } from 'tap'
import { bundle, LEAN } from '../esbuild.config.ts'
import { loadConfig } from '../src/config/config.ts'
import { jsonSchema } from '../src/config/validation.ts'
import { pageAssets } from '../src/endpoints/status-page/assets.ts'
import type { ConfigError } from '../src/errors.ts'

/** The ajv that env-schema uses. */
const { Ajv } = createRequire(createRequire(import.meta.url).resolve('env-schema'))('ajv') as { Ajv: new (options: object) => { validateSchema: (schema: object) => boolean, errorsText: () => string } }

const root = mkdtempSync(join(tmpdir(), 'amsu-proxy-'))
tap.teardown(() => { rmSync(root, { recursive: true }) })
const packages = await bundle(join(root, 'dist'))

/** The code of each file that is built. */
const built = readdirSync(join(root, 'dist')).filter(file => file.endsWith('.js')).map(file => readFileSync(join(root, 'dist', file), 'utf8'))

test('the built program runs where there is no node_modules', async t => {
  cpSync('package.json', join(root, 'package.json'))
  const { stdout, status } = spawnSync(process.execPath, [join(root, 'dist/main.js'), '--version'], { cwd: root, env: {}, encoding: 'utf8' })
  t.match(stdout, /^\d+\.\d+\.\d+\n$/)
  t.equal(status, 0)

  const licenses = readFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8')
  for (const folder of packages) t.match(licenses, `${folder.replace(/^.*node_modules\//, '')} `, `${folder} is shipped with its license`)
  for (const code of built) t.notMatch(code, process.cwd(), 'no path of the machine that built it')
})

test('no built file imports node:http, which would load a WebSocket at each start', async t => {
  const imported = /(?:\bfrom|\bimport)\s*\(?\s*["'](?:node:)?http["']/
  t.match('import{STATUS_CODES}from"node:http";', imported, 'an import is known as one')
  t.ok(built.some(code => code.includes('require("node:http")')), 'it is used')
  for (const code of built) t.notOk(imported.test(code), code.slice(0, 80))
})

test('what serves is there from the start: no built file of it loads another later, when no descriptor may be free', async t => {
  const textOf = (name: string): string => readFileSync(join(root, 'dist', name), 'utf8')
  const reached = new Set(readdirSync(join(root, 'dist')).filter(name => /^serve-.*\.js$/.test(name)))
  t.equal(reached.size, 1)
  for (const name of reached) {
    for (const [, next = ''] of textOf(name).matchAll(/\b(?:from|import)\s*"\.\/([^"]+)"/g)) reached.add(next)
    t.notMatch(textOf(name), /\bimport\(/, name)
  }
  t.ok([...reached].some(name => textOf(name).includes('process_max_fds')), 'the metrics are in it')
  t.match(textOf('main.js'), /\bimport\(/, 'one that loads another is known as one')
})

test('the script and the style of the status page are bundled as they are sent, and nothing that compiles them', async t => {
  const { script, style } = pageAssets()
  t.ok(built.some(code => code.includes(JSON.stringify(style).slice(1, 200))), 'the style is in it')
  t.match(script, /^"use strict";\(\(\)=>\{/)
  t.notMatch(script + style, /\n\s|<\/(?:script|style)|https?:\/\/(?!www\.w3\.org)/, 'they are small, cannot end their element, and load nothing')
  for (const code of built) t.notMatch(code, /["']esbuild["']|buildSync/, code.slice(0, 80))
})

test('the first built file imports nothing that could delay its listeners for signals', async t => {
  t.strictSame([...readFileSync(join(root, 'dist/main.js'), 'utf8').matchAll(/\bimport\b[^;(]*?["']([^"']+)["']/g)].map(match => match[1]), ['node:module'])
})

test('undici is not shipped, and its short form has everything that reply-from asks of it', async t => {
  const lib = 'node_modules/@fastify/reply-from/lib'
  const asked = readdirSync(lib).flatMap(file => [...readFileSync(`${lib}/${file}`, 'utf8').matchAll(/\bundici\.(\w+)/g)].map(match => match[1] as string))
  t.ok(asked.includes('Pool'), 'the text is read')
  for (const name of new Set(asked)) t.match(LEAN.undici.contents, new RegExp(`\\b${name}: `), name)
  t.notOk(packages.some(folder => folder.endsWith('node_modules/undici')))
  for (const name of ['Pool', 'Client', 'Agent']) t.throws(() => new (evaluate(LEAN.undici.contents)[name] as new () => object)(), { message: 'undici is no part of this program' }, 'whoever makes a connection with it is told')
})

test('Node’s TLS is not loaded by a program that does not use it', async t => {
  const load = `import process from 'node:process'; await import(${JSON.stringify(join(root, 'dist', readdirSync(join(root, 'dist')).find(file => /^serve-.*\.js$/.test(file)) as string))}); console.log(process.moduleLoadList.filter(name => /tls/.test(name)).join())`
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', load], { cwd: root, env: {}, encoding: 'utf8' })
  t.strictSame([stdout.trim(), stderr, status], ['', '', 0])
  for (const [name, users] of [['node:https', ['@fastify/reply-from/lib/request.js', 'fastify/lib/server.js']], ['https', ['prom-client/lib/pushgateway.js']]] as const) {
    for (const user of users) {
      for (const [, asked = ''] of readFileSync(`node_modules/${user}`, 'utf8').matchAll(/\bhttps\.(\w+)/g)) {
        // What is made or done with an agent, or to push metrics, is never made or done.
        if (!['globalAgent', 'request'].includes(asked)) t.match(LEAN[name].contents, new RegExp(`\\b${asked}\\b`), `${user} ${asked}`)
      }
    }
  }
})

test('the short form of semver has everything Fastify asks of it', async t => {
  const lib = 'node_modules/fastify/lib'
  const asked = new Set(readdirSync(lib).flatMap(file => [...readFileSync(`${lib}/${file}`, 'utf8').matchAll(/\bsemver\.(\w+)/g)].map(match => match[1] as string)))
  t.ok(asked.has('satisfies'), 'the text is read')
  for (const name of asked) t.match(LEAN.semver.contents, new RegExp(`\\b${name}:`), name)
})

test('what is left out is not asked for: no route has a schema, and nothing speaks HTTP/2 or WebSocket', async t => {
  const sources = readdirSync('src', { encoding: 'utf8', recursive: true }).filter(file => file.endsWith('.ts')).map(file => readFileSync(`src/${file}`, 'utf8'))
  const asking = /\bschema: \{|\bhttp2: |allowH2|websocket: |\.inject\(|\bPushgateway\b/
  for (const text of ['new Pushgateway(url)', 'app.get(path, { schema: { body } })', 'fastify({ http2: true })', 'websocket: true']) t.match(text, asking)
  for (const source of sources) t.notOk(asking.test(source), source.slice(0, 80))
  t.equal(sources.filter(source => source.includes("from 'env-schema'")).length, 1, 'one schema is checked: the one that was compiled')
  for (const name of ['ajv', '@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request', 'ws']) {
    t.notOk(packages.some(folder => folder.endsWith(`node_modules/${name}`)), `${name} is not shipped`)
  }
})

test('settings are validated as env-schema validates them with an ajv of its own', async t => {
  const env = { AMSU_CLIENT_ID: '', PORT: '70000', LOG_LEVEL: 'loud', MAX_IN_FLIGHT: '0', LOG_FORMAT: 'verse', SHUTDOWN_GRACE_MS: '-1', ALLOW_OPEN_ACCESS: 'perhaps', TOKEN_WAIT_MS: '1.5' }
  const { stderr, status } = spawnSync(process.execPath, [join(root, 'dist/main.js')], { cwd: root, env, encoding: 'utf8' })
  t.equal(status, 2)
  let problems: readonly string[] = []
  try {
    loadConfig(env, '/nonexistent')
  } catch (error) {
    problems = (error as ConfigError).problems
  }
  t.ok(problems.length > 5)
  t.same(stderr.trimEnd().split('\n').slice(1).map(line => line.trim()), problems)
})

test('the schema of the settings is one, although no start checks it', async t => {
  const ajv = new Ajv({ strict: true })
  t.ok(ajv.validateSchema(jsonSchema()), ajv.errorsText())
  t.notOk(ajv.validateSchema({ type: 'nonsense' }), 'the check can fail')
})

/** What a short form exports. */
function evaluate (contents: string): Record<string, unknown> {
  const module = { exports: {} }
  compileFunction(contents, ['module'])(module)
  return module.exports
}
