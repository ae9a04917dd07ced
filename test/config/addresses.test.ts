import { test } from 'tap'
import { inspect } from 'node:util'
import { isLoopback, readHosts, readOrigin, readOrigins } from '../../src/config/addresses.ts'
import { loadConfig, type Config } from '../../src/config/config.ts'

test('what goes to loopback stays on this machine, and everything else does not', t => {
  for (const host of ['localhost', 'LOCALHOST', 'app.localhost', '127.0.0.1', '127.1.2.3', '127.255.255.254', '::1', '[::1]', '::ffff:127.0.0.1', '[::FFFF:127.0.0.1]', 'localhost.', 'app.localhost.']) {
    t.equal(isLoopback(host), true, host)
  }
  for (const host of ['', '0.0.0.0', '::', '[::]', '*', '192.168.0.1', '10.0.0.1', '128.0.0.1', '1127.0.0.1', '127.0.0.1.example.com', 'localhost.example.com', 'notlocalhost', '::ffff:10.0.0.1', '::2', 'fe80::1', 'amsu-proxy', '127.0.0', 'localhost..', 'localhost.example.com.']) {
    t.equal(isLoopback(host), false, host)
  }
  t.end()
})

test('the base URL of AMSU is an origin, with or without a port or a trailing slash', t => {
  for (const [text, origin] of [
    ['http://api.amsu-new.com', 'http://api.amsu-new.com'],
    ['https://api.amsu-new.com/', 'https://api.amsu-new.com'],
    ['HTTPS://API.amsu-new.com:8443', 'https://api.amsu-new.com:8443'],
    ['https://api.amsu-new.com:443', 'https://api.amsu-new.com'],
    ['http://[::1]:9000', 'http://[::1]:9000'],
    ['http://api.amsu-new.com.', 'http://api.amsu-new.com'],
  ] as const) {
    const problems: string[] = []
    t.equal(readOrigin(text, problems)?.url.origin, origin, text)
    t.strictSame(problems, [])
  }
  t.end()
})

test('of the base URL only DNS sees the final dot of the name', t => {
  for (const [text, origin, lookupName] of [
    ['http://api.example.', 'http://api.example', 'api.example.'],
    ['https://API.example.:8443/', 'https://api.example:8443', 'api.example.'],
    ['https://api.example.:443', 'https://api.example', 'api.example.'],
    ['http://localhost.', 'http://localhost', 'localhost.'],
    ['http://api.example', 'http://api.example', 'api.example'],
    ['http://127.0.0.1.', 'http://127.0.0.1', '127.0.0.1'],
    ['http://[::1]:9000', 'http://[::1]:9000', '::1'],
  ] as const) {
    const read = readOrigin(text, [])
    t.strictSame([read?.url.origin, read?.lookupName], [origin, lookupName], text)
  }
  t.end()
})

test('a base URL that is more or less than an origin is a problem', t => {
  for (const text of [undefined, '', 'api.amsu-new.com', '//api.amsu-new.com', 'ftp://api.amsu-new.com', 'file:///etc/passwd', 'http://', 'http://a b', 'http://host:99999', 'http://*.host', 'http://.', 'http://host..', 'http://a..host', 'http://host/path', 'http://host/?q', 'http://host/#f', 'http://user@host', 'http://user:password@host', 'http://:password@host']) {
    const problems: string[] = []
    t.equal(readOrigin(text, problems), undefined, String(text))
    t.strictSame(problems, ['AMSU_BASE_URL must be an http or https origin without path, query or password'], String(text))
  }
  t.end()
})

test('Host names are read in the form in which the guard compares them: in lower case, without a port and a final dot', t => {
  const problems: string[] = []
  t.strictSame(readHosts(undefined, problems), [])
  t.strictSame(readHosts(' Amsu.Example , b.example:8080,my_host.example, xn--bcher-kva.example,[2001:DB8::1]:80, dotted.example., d.example.:80,', problems), ['amsu.example', 'b.example', 'my_host.example', 'xn--bcher-kva.example', '[2001:db8::1]', 'dotted.example', 'd.example'])
  t.strictSame(problems, [])
  for (const text of ['*', '*.example', '.example', 'a.example..', 'a..example', '.', '0', 'https://a.example', 'a.example/', 'a.example:', 'a.example:http', 'a.example b.example', 'ok.example, a@b.example', '0.0.0.0', '[::]', '::1', 'b\u00fccher.example']) {
    const found: string[] = []
    readHosts(text, found)
    t.strictSame(found, ['ALLOWED_HOSTS must be a list of host names such as amsu.example, without scheme or star, separated by commas'], text)
  }
  t.end()
})

test('browser origins are read in the form in which browsers send them', t => {
  const problems: string[] = []
  t.strictSame(readOrigins(undefined, problems), [])
  t.strictSame(readOrigins('https://App.example:443, http://localhost:3000/ ,https://xn--bcher-kva.example, https://b.example.:8443', problems), ['https://app.example', 'http://localhost:3000', 'https://xn--bcher-kva.example', 'https://b.example:8443'])
  t.strictSame(problems, [])
  t.end()
})

test('a list with an entry that is no origin is one problem, and the entry is never let in', t => {
  for (const text of ['*', 'null', 'https://*.example', 'app.example', 'https://app.example/path', 'https://app.example,', 'https://app.example, , https://b.example', 'chrome-extension://abc']) {
    const problems: string[] = []
    const origins = readOrigins(text, problems)
    t.strictSame(problems, ['ALLOWED_ORIGINS must be a list of origins such as https://app.example separated by commas'], text)
    t.notOk(origins.some(origin => origin === 'null' || origin.includes('*')), text)
  }
  t.end()
})

test('a forward proxy is http://[user:password@]host:port; neither a problem with it nor the configuration shows its password', async t => {
  const load = (given: string): Config => loadConfig({ AMSU_CLIENT_ID: 'id', AMSU_CLIENT_SECRET: 'secret', AMSU_HTTP_PROXY: given }, '/nonexistent/.env')
  t.equal(load('').amsu.forwardProxy, undefined)
  const config = load('http://me:given-secret-f0@proxy:3128')
  t.match(config.amsu.forwardProxy, { host: 'proxy', port: 3128 })
  for (const text of [inspect(config, { depth: 20, showHidden: true }), JSON.stringify(config)]) {
    for (const form of ['given-secret-f0', Buffer.from('me:given-secret-f0').toString('base64')]) t.notOk(text.includes(form))
  }
  for (const given of ['http://me:given-secret-f0@proxy:3128/path', 'me:given-secret-f0@proxy:3128', 'http://me:given-secret-f0%zz@proxy', 'socks5://me:given-secret-f0@proxy:1080']) {
    t.throws(() => load(given), { message: 'AMSU_HTTP_PROXY must be http://[user:password@]host:port' }, given)
  }
})
