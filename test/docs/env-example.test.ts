import { test } from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig, type Config } from '../../src/config/config.ts'
import { settings } from '../../src/config/settings.ts'
import { renderEnvExample } from './settings-document.ts'

const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')

test('.env.example is what the table of settings says; npx tsx test/docs/main.ts writes it', async t => {
  t.equal(example, renderEnvExample())
})

test('.env.example has each setting once, in the order of the table', async t => {
  t.strictSame(example.match(/^#?[A-Z_]+(?==)/gm)?.map(name => name.replace('#', '')), Object.keys(settings))
})

test('.env.example is ASCII in short lines', async t => {
  for (const line of example.split('\n')) t.match(line, /^[\x20-\x7e]{0,100}$/)
})

test('a copy of .env.example lacks the credentials and nothing else', async t => {
  const dotenv = join(t.testdir({ '.env': example }), '.env')
  t.throws(() => loadConfig({}, dotenv), { message: /^AMSU_CLIENT_ID must be given.*\nAMSU_CLIENT_SECRET must be given.*$/ })
  t.strictSame(loadConfig({ AMSU_CLIENT_ID: 'a', AMSU_CLIENT_SECRET: 'b' }, dotenv), loadConfig({ AMSU_CLIENT_ID: 'a', AMSU_CLIENT_SECRET: 'b' }, '/nonexistent/.env'))
})

test('what .env.example comments out is the default', async t => {
  const dotenv = join(t.testdir({ '.env': example.replace(/^#(?=[A-Z_]+=)/gm, '') }), '.env')
  const [{ effective: given, ...config }, { effective, ...defaults }] = [dotenv, '/nonexistent/.env'].map(path => loadConfig({ AMSU_CLIENT_ID: 'a', AMSU_CLIENT_SECRET: 'b' }, path)) as [Config, Config]
  t.strictSame(config, defaults)
  t.strictSame(given.map(({ name, value }) => [name, value]), effective.map(({ name, value }) => [name, value]))
})
