import { test } from 'tap'
import { clientResponseHead, clientResponseHeaders, isSaneRequestId, upstreamRequestHeaders, rewriteLocation } from '../../src/relay/headers.ts'
import { headerValue } from '../../src/upstream/header-value.ts'

const ID = 'request-1'

/** The headers for AMSU, without the four that are always added. */
function outbound (...raw: string[]): string[] {
  const { headers } = upstreamRequestHeaders(raw, 'upstream:80', ID)
  return headers.slice(2, -4)
}

function inbound (...raw: string[]): string[] {
  const context = { upstream: new URL('http://upstream:80'), callerOrigin: () => 'http://proxy', isRevealing: (text: string) => text.includes('s3cr3t') }
  return clientResponseHeaders(raw, context).headers
}

test('ordinary headers pass in order, with their case, bytes and repetitions', async t => {
  const raw = ['User-Agent', 'old/1.0', 'ACCEPT', '*/*', 'X-Thing', 'a', 'x-thing', 'b', 'Content-Type', 'Text/Plain;;charset="é"', 'Content-Length', '12', 'Empty', '']
  t.same(outbound(...raw), raw)
  t.same(inbound(...raw), raw)
})

test('upstream gets its own host, our Via after the client’s, and the request id', async t => {
  const { headers } = upstreamRequestHeaders(['Host', 'proxy', 'Via', '1.0 old', 'X-Request-Id', 'theirs'], 'upstream:80', ID)
  t.same(headers, ['host', 'upstream:80', 'Via', '1.0 old', 'via', '1.1 amsu-proxy', 'x-request-id', ID])
})

test('headers that a client may not send to AMSU are dropped, in every spelling', async t => {
  for (const name of [
    'Authorization', 'Proxy-Authorization', 'Cookie', 'Cookie2', 'Forwarded', 'X-Forwarded-For', 'X-Forwarded-Anything', 'X-Real-IP', 'Expect', 'Host', 'X-Request-Id',
    'Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer', 'Transfer-Encoding', 'Upgrade', 'HTTP2-Settings', 'Proxy-Authenticate',
  ]) {
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase(), name.replaceAll('-', '_'), name.replace('-', '_')]) {
      t.same(outbound(spelling, 'x', 'Kept', 'y'), ['Kept', 'y'], spelling)
    }
  }
  t.same(outbound('Content_Length', '5'), [], 'a length that a CGI gateway would take for the real one')
})

test('what Connection names is dropped (CVE-2026-33805: our Authorization cannot be nominated away)', async t => {
  t.same(outbound('Connection', 'close, X-Hop', 'X-Hop', '1', 'Kept', '2'), ['Kept', '2'])
  t.same(outbound('X_Hop', '1', 'Connection', 'x-hop', 'connection', 'Kept2', 'Kept2', '1', 'Kept', '2'), ['Kept', '2'])
  t.same(outbound('Connection', 'content-length, host, via, content-type', 'Content-Length', '5', 'Content-Type', 'a/b'), ['Content-Length', '5', 'Content-Type', 'a/b'], 'framing cannot be nominated away')
  const { headers } = upstreamRequestHeaders(['Connection', 'via, x-request-id, authorization'], 'h', ID)
  t.equal(headerValue(headers, 'via'), '1.1 amsu-proxy')
  t.equal(headerValue(headers, 'x-request-id'), ID)
})

test('a request that has been here before is a loop', async t => {
  for (const [via, isLoop] of [
    ['1.1 amsu-proxy', true], ['1.0 a, 1.1 AMSU-Proxy', true], ['1.1 a,1.1 amsu-proxy (comment)', true], ['HTTP/1.1 amsu-proxy', true],
    ['1.1 amsu-proxy2', false], ['1.1 other (amsu-proxy)', false], ['amsu-proxy', false], ['', false],
  ] as const) {
    t.equal(upstreamRequestHeaders(['Via', via], 'h', ID).isLoop, isLoop, via)
  }
})

test('headers that AMSU may not send to a client are dropped', async t => {
  for (const name of ['Authorization', 'Authentication-Info', 'Set-Cookie', 'Set-Cookie2', 'Connection', 'Keep-Alive', 'Trailer', 'Transfer-Encoding', 'Upgrade', 'Proxy-Authenticate', 'X-Amsu-Proxy-Error', 'X-Request-Id', 'Access-Control-Allow-Origin', 'access_control_allow_credentials']) {
    t.same(inbound(name, 'x', 'Kept', 'y'), ['Kept', 'y'], name)
  }
  t.same(inbound('Connection', 'X-Hop', 'X-Hop', '1', 'Kept', 'y'), ['Kept', 'y'])
})

test('a header that contains a secret of the proxy is dropped and counted', async t => {
  const context = { upstream: new URL('http://u'), callerOrigin: () => '', isRevealing: (text: string) => text.includes('s3cr3t') }
  const { headers, leaks } = clientResponseHeaders(['A', '1', 'Echo', 'Bearer s3cr3t', 'X-s3cr3t', '', 'B', '2'], context)
  t.same(headers, ['A', '1', 'B', '2'])
  t.equal(leaks, 2)
})

test('no byte of a head contains a secret of the proxy: names, values and the status text', async t => {
  const context = { upstream: new URL('http://u'), callerOrigin: () => '', isRevealing: (text: string) => text.includes('s3cr3t') || text === 'OK' }
  for (const [status, statusText, headers, expected] of [
    [200, 'OK', ['A', '1'], { statusText: 'OK', headers: ['A', '1'], leaks: 0 }],
    [200, '', ['A', '1'], { statusText: '', headers: ['A', '1'], leaks: 0 }],
    [200, 'Fine \xff', [], { statusText: 'Fine \xff', headers: [], leaks: 0 }],
    [403, 'Bearer s3cr3t', ['A', '1'], { statusText: 'Forbidden', headers: ['A', '1'], leaks: 1 }],
    [799, 's3cr3t', [], { statusText: '', headers: [], leaks: 1 }],
    [200, 's3cr3t', ['X-s3cr3t', '1', 'A', 's3cr3t', 'B', '2'], { statusText: 'OK', headers: ['B', '2'], leaks: 3 }],
    [200, 's3c', ['r3t', 's3c', 'r3t', ''], { statusText: 's3c', headers: ['r3t', 's3c', 'r3t', ''], leaks: 0 }],
  ] as const) t.strictSame(clientResponseHead({ status, statusText, headers }, context), expected, statusText)
})

test('a reference to AMSU becomes one to this proxy; any other stays', async t => {
  const upstream = new URL('http://api.amsu.example')
  for (const [value, expected] of [
    ['http://api.amsu.example/amsu-analysis/v2/x/?q=1#f', 'http://me:1/amsu-analysis/v2/x/?q=1#f'],
    ['HTTP://API.AMSU.EXAMPLE/a', 'http://me:1/a'],
    ['http://api.amsu.example:80/a', 'http://me:1/a'],
    ['https://api.amsu.example/a', 'http://me:1/a'],
    ['https://api.amsu.example:443/a', 'http://me:1/a'],
    ['//api.amsu.example/a', 'http://me:1/a'],
    ['http://user:pw@api.amsu.example/a', 'http://me:1/a'],
    ['http://user@api.amsu.example:80/a', 'http://me:1/a'],
    ['http://api.amsu.example./a', 'http://me:1/a'],
    ['https://API.amsu.example.:443/a', 'http://me:1/a'],
    ['//api.amsu.example.', 'http://me:1/'],
    ['http://api.amsu.example../a', 'http://api.amsu.example../a'],
    ['http://api.amsu.example@evil.example/a', 'http://api.amsu.example@evil.example/a'],
    ['http://api.amsu.example:80@evil.example/a', 'http://api.amsu.example:80@evil.example/a'],
    ['http://api.amsu.example:/a', 'http://me:1/a'],
    ['http://api.amsu.example', 'http://me:1/'],
    ['http://api.amsu.example?x', 'http://me:1/?x'],
    ['/amsu-analysis/v2/x/', '/amsu-analysis/v2/x/'],
    ['x/../y', 'x/../y'],
    ['', ''],
    ['http://api.amsu.example:8080/a', 'http://api.amsu.example:8080/a'],
    ['http://api.amsu.example.evil/a', 'http://api.amsu.example.evil/a'],
    ['http://evil-api.amsu.example/a', 'http://evil-api.amsu.example/a'],
    ['http://amsu.example/a', 'http://amsu.example/a'],
    ['http://[broken/a', 'http://[broken/a'],
    ['ftp://api.amsu.example/a', 'ftp://api.amsu.example/a'],
  ] as const) {
    t.equal(rewriteLocation(value, upstream, () => 'http://me:1'), expected, value)
  }
  t.equal(rewriteLocation('http://a:8443/x', new URL('https://a:8443'), () => 'http://me'), 'http://me/x')
  for (const value of ['http://a.example/x', 'http://a.example./x']) t.equal(rewriteLocation(value, new URL('http://a.example.'), () => 'http://me'), 'http://me/x', 'a final dot of the base URL is for DNS only')
  t.same(inbound('Location', 'http://upstream/x', 'Content-Location', '//upstream/y'), ['Location', 'http://proxy/x', 'Content-Location', 'http://proxy/y'])
})

test('a client’s request id is accepted if it is visible ASCII of at most 128 characters', async t => {
  for (const [id, isSane] of [['a', true], ['7f3c-ä', false], ['x'.repeat(128), true], ['x'.repeat(129), false], ['', false], ['a b', false], [undefined, false], [['a'], false]] as const) {
    t.equal(isSaneRequestId(id), isSane, String(id))
  }
})

test('clients that invent header names do not fill the memory', async t => {
  for (let i = 0; i < 2_000; i++) t.same(outbound(`X-Invented-${i}`, '1').length, 2)
})

test('header bytes beyond ASCII stay what they are', async t => {
  t.same(inbound('X', '\xe9\xff\x80'), ['X', '\xe9\xff\x80'])
})
