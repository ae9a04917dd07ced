import { test } from 'tap'
import { inspect } from 'node:util'
import { ForwardProxyError, parseForwardProxy } from '../../src/upstream/forward-proxy.ts'

test('a forward proxy is named by an http URL of host and port, with or without a name and a password', async t => {
  for (const [text, host, port, credentials] of [
    ['http://proxy.hospital.example:3128', 'proxy.hospital.example', 3128, undefined],
    ['http://proxy:3128/', 'proxy', 3128, undefined],
    ['http://proxy', 'proxy', 80, undefined],
    ['http://10.1.2.3:8080', '10.1.2.3', 8080, undefined],
    ['http://[2001:db8::7]:8080', '2001:db8::7', 8080, undefined],
    ['http://me:pass-word-1@proxy:3128', 'proxy', 3128, 'me:pass-word-1'],
    ['http://me:a%3Ab%40c%2Fd%25@proxy:3128', 'proxy', 3128, 'me:a:b@c/d%'],
    ['http://DOMAIN%5Cme:p%C3%A4ss@proxy:3128', 'proxy', 3128, 'DOMAIN\\me:päss'],
    ['http://only-name@proxy:3128', 'proxy', 3128, 'only-name:'],
    ['http://:only-word@proxy:3128', 'proxy', 3128, ':only-word'],
  ] as const) {
    const { authorization, ...rest } = parseForwardProxy(text) ?? {}
    t.match(rest, { host, port }, text)
    t.equal(authorization?.reveal(), credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`, text)
  }
})

test('the password of its credentials is the secret, or the name if there is no password', async t => {
  t.equal(parseForwardProxy('http://me:pass%20word@proxy:1')?.secret?.reveal(), 'pass word')
  t.equal(parseForwardProxy('http://token-1@proxy:1')?.secret?.reveal(), 'token-1')
  t.equal(parseForwardProxy('http://proxy:1')?.secret, undefined)
  t.notMatch(inspect(parseForwardProxy('http://me:pass-word@proxy:1'), { showHidden: true, depth: 9 }), /pass-word|bWU6/)
})

test('what is no such URL is rejected: another scheme, a path, a broken escape, a colon in the name', async t => {
  for (const text of ['', 'proxy:3128', 'proxy', '//proxy:3128', 'https://proxy:3128', 'socks5://proxy:1080', 'http://', 'http://proxy:99999', 'http://proxy:3128/path', 'http://proxy:3128/?a', 'http://proxy:3128/#a', 'http://me:%zz@proxy:1', 'http://%ff:a@proxy:1', 'http://a%3Ab:c@proxy:1', 'http://a b@proxy 1']) {
    t.equal(parseForwardProxy(text), undefined, text)
  }
})

test('its error holds a status and no word of anybody else', async t => {
  t.match(new ForwardProxyError(407), { status: 407, code: 'ERR_FORWARD_PROXY', message: 'the forward proxy responded 407', cause: undefined })
  const cause = new Error('connect ECONNREFUSED')
  t.match(new ForwardProxyError(undefined, cause), { status: undefined, message: 'the forward proxy cannot be reached', cause })
})
