import { test } from 'tap'
import { createBrowserGuard, originOf } from '../../src/guards/browser-guard.ts'

const guard = createBrowserGuard({ allowedHosts: ['amsu.example.org'], allowedOrigins: ['https://app.example'] })

test('a Host is accepted when no public name can be behind it', async t => {
  for (const host of [
    'localhost', 'LOCALHOST:8080', '127.0.0.1', '127.0.0.1:1', '192.168.1.5:8080', '10.0.0.1', '8.8.8.8', '[::1]', '[::1]:8080', '[fe80::1]', '[::ffff:127.0.0.1]',
    'amsu-proxy', 'amsu-proxy:8080', 'my_service', 'a.localhost', 'nas.local', 'x.internal', 'proxy.ns.svc', 'proxy.ns.svc.cluster.local', 'app.test', 'box.home.arpa', 'amsu.example.org', 'AMSU.example.org:80',
  ]) t.same(guard(['Host', host]), {}, host)
})

test('one final dot says nothing: it is for DNS only', async t => {
  for (const host of ['localhost.', 'LOCALHOST.:8080', '127.0.0.1.', '192.168.1.5.:8080', 'amsu-proxy.', 'a.localhost.', 'nas.local.', 'x.internal.', 'proxy.ns.svc.', 'proxy.ns.svc.cluster.local.', 'box.home.arpa.', 'app.test.', 'amsu.example.org.', 'AMSU.example.org.:80']) t.same(guard(['Host', host]), {}, host)
  for (const origin of ['https://app.example.', 'https://app.example']) t.same(guard(['Host', 'localhost', 'Origin', origin]), { corsOrigin: origin }, `the CORS headers name the origin as it came: ${origin}`)
  for (const origin of ['https://app.example..', 'https://app.example.:443', 'https://app.example.evil', 'https://app.example/.', '.']) t.same(guard(['Host', 'localhost', 'Origin', origin]), { rejection: 'ORIGIN_REJECTED' }, origin)
  t.equal(originOf('https://app.example.:8443'), 'https://app.example:8443')
})

test('any other Host is rejected: a public name that leads here is DNS rebinding', async t => {
  for (const host of [
    'evil.example', 'localhost.evil.example', '127.0.0.1.nip.io', 'nip.io', '127.1', '127.0.1', '0x7f.1', 'xamsu.example.org', 'sub.amsu.example.org',
    '0.0.0.0', '0.0.0.0:8080', '0.0.0.0.', '0', '0x0', '00.0.0.0', 'home.arpa', 'xhome.arpa', '.', '..', 'localhost..', '.localhost', 'a..localhost', '..local', '.local', 'evil.example.', '[::1].', '[::0.0.0.0]', '[::ffff:0:0]', '[0::ffff:0.0.0.0]', '[::]', '[::]:80', '[0:0:0:0:0:0:0:0]', '[::ffff:0.0.0.0]', '', ' ', 'a b', 'a@b', 'user@localhost', 'localhost:', 'localhost:123456', 'localhost:x', '[::1', '::1', '[zz]', '[:::]', '[1.2.3.4]', '[1:2]', '[.]', 'a,b', 'lo calhost', 'local\u0130host',
    'x.local.evil.example', '.evil.example',
  ]) t.same(guard(['Host', host]), { rejection: 'HOST_REJECTED' }, JSON.stringify(host))
})

test('there is exactly one Host', async t => {
  t.same(guard([]), { rejection: 'HOST_REJECTED' })
  t.same(guard(['X', 'y']), { rejection: 'HOST_REJECTED' })
  t.same(guard(['Host', 'localhost', 'host', 'localhost']), { rejection: 'HOST_REJECTED' })
})

test('a request of a browser page is rejected unless its origin is allowed', async t => {
  for (const [name, headers, decision] of [
    ['a foreign page', ['Origin', 'https://evil.example'], { rejection: 'ORIGIN_REJECTED' }],
    ['a sandboxed page', ['Origin', 'null'], { rejection: 'ORIGIN_REJECTED' }],
    ['a page of this machine', ['Origin', 'http://localhost:3000'], { rejection: 'ORIGIN_REJECTED' }],
    ['an allowed page', ['Origin', 'https://app.example', 'Sec-Fetch-Site', 'cross-site'], { corsOrigin: 'https://app.example' }],
    ['another port of an allowed page', ['Origin', 'https://app.example:8443'], { rejection: 'ORIGIN_REJECTED' }],
    ['another case', ['oRIGIN', 'HTTPS://APP.EXAMPLE'], { rejection: 'ORIGIN_REJECTED' }],
    ['two origins', ['Origin', 'https://app.example', 'Origin', 'https://evil.example'], { rejection: 'ORIGIN_REJECTED' }],
    ['twice the allowed one', ['Origin', 'https://app.example', 'Origin', 'https://app.example'], { rejection: 'ORIGIN_REJECTED' }],
    ['an image of a foreign page', ['Sec-Fetch-Site', 'cross-site'], { rejection: 'ORIGIN_REJECTED' }],
    ['a page of the same site', ['sec-fetch-site', 'same-site'], { rejection: 'ORIGIN_REJECTED' }],
    ['a value nobody knows', ['Sec-Fetch-Site', 'other'], { rejection: 'ORIGIN_REJECTED' }],
    ['one good and one bad', ['Sec-Fetch-Site', 'none', 'Sec-Fetch-Site', 'cross-site'], { rejection: 'ORIGIN_REJECTED' }],
    ['one bad and one good', ['Sec-Fetch-Site', 'cross-site', 'Sec-Fetch-Site', 'none'], { rejection: 'ORIGIN_REJECTED' }],
    ['typed into the address bar', ['Sec-Fetch-Site', 'none'], {}],
    ['our own page', ['Sec-Fetch-Site', 'same-origin'], {}],
    ['no browser', ['User-Agent', 'okhttp/4.12'], {}],
  ] as const) t.same(guard(['Host', 'localhost', ...headers]), decision, name)
})

test('clients that invent hosts do not fill the memory, and decisions do not change', async t => {
  for (let i = 0; i < 2_000; i++) t.same(guard(['Host', `h${i}.evil.example`]), { rejection: 'HOST_REJECTED' })
  t.same(guard(['Host', 'localhost']), {})
})
