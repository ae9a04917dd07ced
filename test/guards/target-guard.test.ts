import { test, type Test } from 'tap'
import { checkTarget, routedTarget, type TargetDecision } from '../../src/guards/target-guard.ts'
import { isInside, isTokenEndpoint, readings } from './upstream-readings.ts'

const TOKEN = '/amsu-analysis/v2/token'
const REFRESHMENT = `${TOKEN}/refreshment`

/** Every endpoint of AMSU that is not a token endpoint (amsu-api.md, section 1). */
const ENDPOINTS = [
  'available-times', 'arrhythmia/common/results/', 'arrhythmia/af/results/', 'hrv/common/results/', 'hrv/rr-list/', 'hrv/state/results/', 'health/cvdr/results/', 'health/cpf/results/', 'calorie/running/results/',
].map(path => `/amsu-analysis/v2/${path}`)

/** All `targets` get `decision`. */
function all (t: Test, decision: TargetDecision, targets: Iterable<string>): void {
  for (const target of targets) t.equal(checkTarget(target), decision, JSON.stringify(target).slice(0, 120))
}

test('every endpoint of AMSU is relayed, with and without its trailing slash, with any query', async t => {
  for (const path of ENDPOINTS) {
    const other = path.endsWith('/') ? path.slice(0, -1) : `${path}/`
    all(t, 'relay', [path, other, `${path}?`, `${path}?a=1&b=%E4%B8%AD`, `${other}?x`])
  }
})

test('the query is never checked', async t => {
  for (const query of ['/../token', 'a=%2e%2e%2f;#x', '/amsu-analysis/v2/token', '%', '%zz%00', '\\', '?', '//evil.test', '#/../token', 'http://evil.test/', 'é', 'x'.repeat(12_000)]) {
    all(t, 'relay', [`/amsu-analysis/v2/available-times?${query}`])
    all(t, 'token', [`${TOKEN}?${query}`])
    all(t, 'other', [`/livez?${query}`])
  }
})

test('canonical paths are relayed as they are', async t => {
  all(t, 'relay', [
    '/amsu-analysis/', '/amsu-analysis/v2', '/amsu-analysis/v2/', '/amsu-analysis/x', '/amsu-analysis/v3/anything/at/all', '/amsu-analysis/amsu-analysis/x',
    '/amsu-analysis/v2/%E4%B8%AD%E6%96%87', '/amsu-analysis/v2/caf%c3%a9/', '/amsu-analysis/v2/%F0%9F%92%93', '/amsu-analysis/v2/a%20b', '/amsu-analysis/v2/%61%7E', '/amsu-analysis/v2/a%2eb',
    '/amsu-analysis/v2/a.b', '/amsu-analysis/v2/x../y', '/amsu-analysis/v2/..x/y', '/amsu-analysis/v2/a...b/', '/amsu-analysis/v2/.hidden', '/amsu-analysis/v1.2/x', '/amsu-analysis/v2/x.', '/amsu-analysis/v2/~', '/amsu-analysis/v2/~me',
    '/amsu-analysis/v2/!$&\'()*+,=:@', '/amsu-analysis/v2/a+b', '/amsu-analysis/v2/+', '/amsu-analysis/v2/@evil.test', '/amsu-analysis/http:', '/amsu-analysis/v2/"<>^`{|}[]',
  ])
  all(t, 'relay', [...'!$&\'()*+,=:@-_~a'].map(char => `/amsu-analysis/v2/${char}/x`))
})

test('long paths are relayed', async t => {
  all(t, 'relay', ['x'.repeat(12_000), 'x/'.repeat(6_000), '%C3%A9'.repeat(2_000), `${'.'.repeat(11_999)}x`, `x${'.'.repeat(11_999)}`].map(rest => `/amsu-analysis/v2/${rest}`))
})

test('what only resembles a token endpoint is relayed', async t => {
  all(t, 'relay', [
    `${TOKEN}s`, `${TOKEN}-info`, `${TOKEN}1`, '/amsu-analysis/v2/x/token', '/amsu-analysis/v2/mytoken', '/amsu-analysis/v2/.token', '/amsu-analysis/token', '/amsu-analysis/v/token', '/amsu-analysis/v2x/token', '/amsu-analysis/x2/token',
    '/amsu-analysis/v2/refreshment', '/amsu-analysis/v2/to/ken', '/amsu-analysis/v2/tok.en', '/amsu-analysis/v2/toke%CC%83n', '/amsu-analysis/amsu-analysis/v2/token', `${TOKEN}s/refreshment`,
  ])
})

test('a token endpoint is known in every spelling that may be taken for it', async t => {
  const spell = (path: string): string[] => [
    path, `${path}/`, `${path}?x=1`, path.toUpperCase().replace('/AMSU-ANALYSIS', '/amsu-analysis'), path.replace('v2', 'V2'), path.replace('t', '%74'), path.replace('v2', '%76%32'), path.replace('k', '%4B'), path.replace('k', '%e2%84%aa'),
    path.replace('token', '%EF%BD%94oken'), path.replace('v2', 'v%C2%B2'), path.replace('token', 'to%E2%93%9Aen'), path.replace('e', '%F0%9D%90%9E'), path.replace('v2/', 'v2%EF%BC%8F'), path.replace('token', 'token.'), path.replace('token', 'token...'), path.replace('token', 'token%2E'),
    path.replace('token', 'token%20'), path.replace('token', '%20token'), path.replace('v2', 'v2.'), path.replace('token', 'token%C2%A0.%E3%80%80'), path.replace('token', 'token%E2%80%A4'),
    `${path}%20`, `${path}.`, `${path}.%20./`, `${path}%20/`,
  ]
  all(t, 'token', spell(TOKEN))
  all(t, 'refreshment', spell(REFRESHMENT))
})

test('a token endpoint is routed by its plain spelling, everything else by its own', async t => {
  for (const target of [TOKEN, `${TOKEN}/?x`, '/amsu-analysis/V2/TOKEN', '/amsu-analysis/v2/%74oken', '/amsu-analysis/v2/TOKEN.+', '/amsu-analysis/v2/t%E2%80%8Boken']) t.equal(routedTarget(target), TOKEN, target)
  for (const target of [REFRESHMENT, `${REFRESHMENT}/?x`, '/amsu-analysis/v2/token/REFRESHMENT', '/amsu-analysis/v2/toke%6E/refreshment.']) t.equal(routedTarget(target), REFRESHMENT, target)
  for (const target of [...ENDPOINTS, `${TOKEN}s`, `${TOKEN}/x`, '/amsu-analysis/v3/token', '/amsu-analysis/v2/./token', '/amsu-analysis/v2/x?/../token', '/amsu-analysis/v2/%20x', '/livez', '//x', '']) t.equal(routedTarget(target), target)
})

test('what is below, beside or before the token endpoints in other versions is rejected', async t => {
  all(t, 'reject', [
    `${TOKEN}/x`, `${TOKEN}.json`, `${TOKEN}.json/x`, `${REFRESHMENT}/x`, `${REFRESHMENT}.json`, `${TOKEN}/refreshments`, `${TOKEN}/%E2%80%A8x`, '/amsu-analysis/v1/token', '/amsu-analysis/v10/token/', '/amsu-analysis/v02/token', '/amsu-analysis/v3/TOKEN/refreshment',
  ])
})

test('a plus, which is a blank to a form decoder, does not hide a token endpoint or a dot segment', async t => {
  all(t, 'token', [`${TOKEN}+`, '/amsu-analysis/v2/+token', `${TOKEN}%2B%20.`, `${TOKEN}.+/`, `${TOKEN}/+`])
  all(t, 'reject', ['/amsu-analysis/v2/+/token', '/amsu-analysis/+/v2/token', '/amsu-analysis/x+/..+/v2/token', '/amsu-analysis/.+/x', '/amsu-analysis/+./x', '/amsu-analysis/+%20/x'])
})

test('characters that a normaliser leaves out do not hide a token endpoint or a dot segment (as in CVE-2014-9390)', async t => {
  for (const char of ['\u00ad', '\u034f', '\u200b', '\u200d', '\u2060', '\ufeff', '\ufe0f', '\u3164', '\u{e0001}'].map(encodeURIComponent)) {
    all(t, 'token', [`/amsu-analysis/v2/tok${char}en`, `${TOKEN}${char}`, `/amsu-analysis/v${char}2/token.${char}`])
    all(t, 'refreshment', [`${TOKEN}/${char}refreshment`])
    all(t, 'reject', [`/amsu-analysis/x/.${char}./token`, `/amsu-analysis/${char}/x`, `/amsu-analysis/x/.${char}`, `/amsu${char}-analysis/v2/token`])
  }
})

test('any single character of a token endpoint, spelled in any way Unicode, URL or case folding knows, never lets it through', async t => {
  const spellings = new Map<string, string[]>()
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    const char = String.fromCodePoint(code)
    for (const folded of new Set([char, char.normalize('NFKC'), char.toLowerCase().normalize('NFKC'), char.toUpperCase().normalize('NFKC')])) {
      if (/^[ -~]$/.test(folded)) spellings.set(folded.toLowerCase(), [...spellings.get(folded.toLowerCase()) ?? [], char])
    }
  }
  let checked = 0
  for (const path of [TOKEN, REFRESHMENT]) {
    for (const [i, char] of [...path].entries()) {
      const plain = spellings.get(char) ?? []
      const escaped = plain.map(spelling => [...Buffer.from(spelling)].map(byte => `%${byte.toString(16)}`).join(''))
      for (const spelling of [...plain, ...escaped, ...escaped.map(text => text.toUpperCase()), ...escaped.map(text => text.replaceAll('%', '%25')), `.${char}`, `${char}.`, `${char}/`, `${char};x`]) {
        const target = path.slice(0, i) + spelling + path.slice(i + 1)
        if (checkTarget(target) === 'relay' && [...readings(target).keys()].some(reading => isTokenEndpoint(reading) || !isInside(reading))) t.fail(target)
        checked++
      }
    }
  }
  t.ok(checked > 2_000, `${checked} spellings`)
})

test('paths outside the prefix are other endpoints of the proxy', async t => {
  all(t, 'other', ['/', '/?x', '/livez', '/readyz', '/metrics', '/status/', '/amsu-analysis', '/amsu-analysis?/v2/token', '/amsu-analysi', '/amsu-analysis2/x', '/amsu_analysis/v2/token', '/v2/token', '/x/amsu-analysis/v2/token', '/favicon.ico', '/caf%C3%A9', '/a+b'])
})

test('a target that is not canonical is rejected outside the prefix too', async t => {
  all(t, 'reject', ['', '?', '*', 'livez', 'amsu-analysis/v2/x', '/./livez', '//livez', '/x/../livez', '/livez;x', '/livez%00', '/%', '/%2e', '/livez#x', '/\u00e9', '/a b', 'evil.test:443'])
})

test('empty segments and dot segments in any encoding are rejected', async t => {
  for (const segment of ['', '.', '..', '%2e', '%2E.', '.%2e', '%2e%2E', '...', '%20', '..%20', '%20..', '.%20%2e', '%C2%A0', '%E2%80%A5', '%E2%80%A6', '%EF%BC%8E%EF%BC%8E', '%EF%B9%92.', '%E3%80%80']) {
    all(t, 'reject', [`/amsu-analysis/${segment}/v2/token`, `/amsu-analysis/x/${segment}/token`, `/${segment}/amsu-analysis/x`, `/amsu-analysis/v2/x/${segment}/`])
    if (segment !== '') all(t, 'reject', [`/amsu-analysis/v2/${segment}`, `/amsu-analysis/v2/token/${segment}`])
  }
})

test('backslashes, parameters, fragments and what encodes them are rejected', async t => {
  for (const bad of ['\\', ';', '#', ';jsessionid=1', '%2f', '%2F', '%5c', '%5C', '%25', '%3b', '%3B', '%23', '%3f', '%3F', '%EF%BC%BC', '%EF%BC%9B', '%CD%BE', '%EF%BC%83', '%EF%BC%9F', '%EF%BC%85', '%EF%B9%AA']) {
    all(t, 'reject', [`${TOKEN}${bad}`, `${TOKEN}${bad}/refreshment`, `/amsu-analysis/v2${bad}token`, `/amsu-analysis/v2/x${bad}y`, `/amsu-analysis${bad}/v2/x`, `/amsu-analysis/v2/x${bad}?q`])
  }
})

test('bytes outside visible ASCII and encoded control bytes are rejected', async t => {
  for (let code = 0; code <= 0xff; code++) {
    if (code > 0x20 && code < 0x7f) continue
    const char = String.fromCharCode(code)
    all(t, 'reject', [`/amsu-analysis/v2/x${char}y`, `${TOKEN}${char}`, `${char}${TOKEN}`])
    if (code !== 0x20) all(t, 'reject', [`/amsu-analysis/v2/x%${code.toString(16).padStart(2, '0')}y`])
  }
  all(t, 'reject', ['/amsu-analysis/v2/\u4e2d', '/amsu-analysis/v2/\u200b', '/amsu-analysis/v2/%C2%85', '/amsu-analysis/v2/%c2%9f'])
})

test('broken percent-encoding is rejected', async t => {
  for (const bad of ['%', '%2', '%zz', '%%32%65', '%u0074', '%u2215', '%-1', '%c0%ae', '%c0%af', '%c1%9c', '%e0%80%af', '%f0%80%80%af', '%f8%80%80%80%af', '%ed%a0%80', '%f4%90%80%80', '%c3', '%c3%28', '%a0', '%ff']) {
    all(t, 'reject', [`/amsu-analysis/v2/${bad}`, `/amsu-analysis/v2/x${bad}/token`, `${TOKEN}${bad}`, `/${bad}`])
  }
})
