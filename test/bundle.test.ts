/**
 * What is built: one program that needs nothing beside it, and the shortcuts of its build held against the packages they shorten.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tap, { test } from 'tap'
import { bundle, LEAN } from '../esbuild.config.ts'
import { jsonSchema } from '../src/config/validation.ts'

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

test('the short form of undici has everything that is asked of it', async t => {
  const lib = 'node_modules/@fastify/reply-from/lib'
  const asked = readdirSync(lib).flatMap(file => [...readFileSync(`${lib}/${file}`, 'utf8').matchAll(/\bundici\.(\w+)/g)].map(match => match[1] as string))
  const ours = readdirSync('src', { encoding: 'utf8', recursive: true })
    .filter(file => file.endsWith('.ts'))
    .flatMap(file => [...readFileSync(`src/${file}`, 'utf8').matchAll(/^import \{([^}]+)\} from 'undici'$/gm)])
    .flatMap(match => (match[1] as string).split(',').map(name => name.trim()))
    .filter(name => !name.startsWith('type '))
  t.ok(asked.includes('Pool') && ours.includes('Pool'), 'the texts are read')
  for (const name of new Set([...asked, ...ours])) t.match(LEAN.undici.contents, new RegExp(`\\b${name}\\b`), name)
})

test('the schema of the settings is one, although no start checks it', async t => {
  const ajv = new Ajv({ strict: true })
  t.ok(ajv.validateSchema(jsonSchema()), ajv.errorsText())
  t.notOk(ajv.validateSchema({ type: 'nonsense' }), 'the check can fail')
})
