/** Path traversal: one test for each advisory and class of attack of the security review, named after it. */
import { test, type Test } from 'tap'
import { checkTarget } from '../../src/guards/target-guard.ts'
import { isInside, isTokenEndpoint, readings } from './upstream-readings.ts'

const TOKEN = '/amsu-analysis/v2/token'

/** Encodings that hide a slash, a dot and a letter. */
const SLASHES = ['/', '//', '\\', '%2f', '%2F', '%5c', '%252f', '/./', '/%2e/', '/x/../', '/x/%2e%2e/', '/x/..\\', '/x/..;/', '/;/', '/;a=b/', '/%20/', '/%09/', '/%00/', '%c0%af', '%ef%bc%8f', '/%E2%80%8B/', '/+/']
const ENDS = ['', '/', '//', '.', '..', '/.', '%2e', '%20', '+', '%00', '%09', '%0a', ';', ';x', ';/', '#', '%23', '%3f', '%3fx', '\\', '%5c', '%2f', '/x/..', '/%2e', '%25', '%2500', '%E2%80%8B', '%C2%A0', '.json', '/;', '?', '??x']
const LETTERS = ['t', 'T', '%74', '%54', '%2574', '%ef%bd%94', '%c1%b4', '%u0074', '%F0%9D%90%AD']

/** All `targets` are rejected. */
function refused (t: Test, targets: readonly string[]): void {
  for (const target of targets) t.equal(checkTarget(target), 'reject', JSON.stringify(target).slice(0, 120))
}

function timed (work: () => unknown): number {
  const begun = performance.now()
  work()
  return performance.now() - begun
}

test('CVE-2025-66415 (GHSA-2q7r-29rg-6m5h): an encoded .. does not leave the prefix', async t => {
  refused(t, ['%2E%2E', '%2e%2e', '.%2E', '%2e.', '%2E%2E%2F', '%2e%2e%5c', '%252E%252E', '%2E%2E;', '%2E%2E%20'].flatMap(up => [`/amsu-analysis/${up}/admin`, `/amsu-analysis/v2/${up}/${up}/admin`, `/amsu-analysis/${up}`]))
})

test('CVE-2021-21321, CVE-2021-21322: a crafted URL does not leave the prefix', async t => {
  refused(t, ['/amsu-analysis/../admin', '/amsu-analysis/..', '/amsu-analysis/x/../../admin', '/amsu-analysis//evil.test/', '//amsu-analysis/v2/x', '/amsu-analysis/http://evil.test/', '/amsu-analysis/../../../etc/passwd'])
})

test('CVE-2026-85124 (GHSA-qv33-689p-2xq5): a backslash is not a slash', async t => {
  refused(t, ['/amsu-analysis/..\\admin', '/amsu-analysis\\..\\admin', '/amsu-analysis/x\\..\\..\\admin', '\\amsu-analysis\\v2\\x', '/amsu-analysis/v2\\token', '/amsu-analysis/v2/\\token', '/\\evil.test', '/amsu-analysis/..%5cadmin', '/amsu-analysis/v2%5Ctoken'])
})

test('CVE-2026-16117: an encoded prefix is not the prefix', async t => {
  refused(t, ['/%61msu-analysis/v2/x', '/%61msu-analysis/v2/token', '/amsu%2danalysis/v2/x', '/%41MSU-analysis/v2/x', '/AMSU-ANALYSIS/v2/x', '/amsu-analysis%2fv2/x', '/amsu-analysis%20/v2/x', '/amsu-analysis./v2/x', '/%EF%BD%81msu-analysis/v2/x', '/amsu-analysi%C5%BF/v2/x', '/amsu-analysis%EF%BC%8Fv2/x'])
})

test('CVE-2026-15631: the target of an upgrade has no way of its own out of the prefix', async t => {
  refused(t, ['/amsu-analysis/../ws', '/amsu-analysis/%2e%2e/ws', '/amsu-analysis/..%2fws', 'ws://evil.test/amsu-analysis/', 'wss:evil.test'])
})

test('CVE-2026-120213: a decoded segment does not become several', async t => {
  refused(t, ['/amsu-analysis/a%2fb', '/amsu-analysis/a%2F..%2Fb', '/amsu-analysis/..%2f..%2fadmin', '/amsu-analysis/a%3fb=1', '/amsu-analysis/a%23b', '/amsu-analysis/a%252fb', '/amsu-analysis/a%5cb'])
})

test('CVE-2026-16158: a decision depends on nothing but its target', async t => {
  const decisions = new Map([
    ['/amsu-analysis/v2/%20x..', 'relay'], ['/amsu-analysis/v2/tok%E2%80%8Ben', 'token'], ['/amsu-analysis/v2/token/refreshment.', 'refreshment'], ['/livez', 'other'], ['/amsu-analysis/v2/x%5c', 'reject'], ['/amsu-analysis/v2/x', 'relay'],
  ])
  for (let i = 0; i < 3; i++) {
    for (const [first] of decisions) {
      for (const [target, decision] of decisions) {
        checkTarget(first)
        t.equal(checkTarget(target), decision)
      }
    }
  }
})

test('CVE-2022-35949: //host does not name another host', async t => {
  refused(t, ['//evil.test', '//evil.test/amsu-analysis/v2/x', '///evil.test/x', '/\\evil.test/x', '/%09/evil.test', '/%2fevil.test/x', '//evil.test:80@amsu.test/'])
})

test('CVE-2022-31150: a line break in a path does not begin a header', async t => {
  refused(t, ['\r\nX: y', '\n', '\r', '%0d%0aX:%20y', '%0A', '%0d', '\u010a', '%C4%8A%0A'].flatMap(text => [`/amsu-analysis/v2/x${text}`, `/amsu-analysis/v2/${text}/x`]))
})

test('CVE-2024-45813: no path takes long to check', async t => {
  const long = (text: string, end = 'x'): string => `/amsu-analysis/v2/${text.repeat(Math.floor(15_000 / text.length))}${end}`
  // A run of dots once took 130 ms: the expression was tried from every dot (ReDoS).
  const targets = ['.', '%20', '+', '%2e', '. ', '.%20', 'x.', 'x/', '+.', '%E2%80%8B', 'token', 'v2/', 'x../', '%C2%A0', '-', '%EF%B7%BA'].flatMap(text => [long(text), long(text, ''), long(text, '!'), long(text, '%'), long(text, '/token')])
  for (const target of targets) {
    const took = Math.min(...[1, 2, 3].map(() => timed(() => checkTarget(target))))
    t.ok(took < 20, `${took.toFixed(2)} ms: ${target.slice(0, 30)}…${target.slice(-10)}`)
  }
})

test('the traversal classes are rejected: ..%2f, %2e%2e, ..\\, %5c..%5c, /..;/, overlong UTF-8, bad percent, double encoding', async t => {
  refused(t, ['..%2f', '%2e%2e/', '%2e%2e%2f', '..\\', '%5c..%5c', '..;/', '..%3b/', '%c0%ae%c0%ae/', '%c0%ae%c0%ae%c0%af', '%e0%80%ae%e0%80%ae/', '%%32%65%%32%65/', '%2/', '%252e%252e%252f', '%252e%252e/', '..%252f', '..%c0%af', '..%ef%bc%8f', '%uff0e%uff0e/']
    .flatMap(up => [`/amsu-analysis/${up}admin`, `/amsu-analysis/v2/x/${up}token`, `/amsu-analysis/v2/${up}${up}${up}etc/passwd`]))
})

test('the absolute form, the authority form, the asterisk and a fragment are rejected', async t => {
  refused(t, [
    'http://evil.test/', 'http://evil.test/amsu-analysis/v2/x', 'http://api.amsu-new.com/amsu-analysis/v2/token', 'HTTPS://evil.test/amsu-analysis/', 'http:/amsu-analysis/v2/x', 'http:amsu-analysis', 'file:///etc/passwd', 'evil.test:443', '[::1]:80', '*', '@evil.test/amsu-analysis/',
    '/amsu-analysis/v2/x#', '/amsu-analysis/v2/x#?/../token', '#/amsu-analysis/v2/x', '/amsu-analysis/http://evil.test',
  ])
})

test('the token endpoint cannot be named past the guard: slashes, ends and letters in every combination', async t => {
  let checked = 0
  for (const first of SLASHES) {
    for (const second of SLASHES) {
      for (const end of ENDS) {
        for (const letter of LETTERS) {
          for (const below of end === '' || end === '/' ? ['', `${second}refreshmen${letter}`] : ['']) {
            const target = `/amsu-analysis${first}v2${second}${letter}oken${below}${end}`
            checked++
            if (checkTarget(target) === 'relay') t.fail(target)
          }
        }
      }
    }
  }
  t.ok(checked > 100_000, `${checked} targets`)
  t.equal(checkTarget(TOKEN), 'token')
})

test('the readings by which the guard is tested know what upstreams do', async t => {
  for (const target of [
    '/amsu-analysis/v2/./token', '/amsu-analysis/v2/%2e/token', '/amsu-analysis/v2\\token', '/amsu-analysis/x/%252e%252e/v2/token', '/amsu-analysis//v2/token;x', '/amsu-analysis/v2/TOKEN.', '/amsu-analysis/v2/token%20./', '/amsu-analysis/v2/%c1%b4oken', '/amsu-analysis/v2/%u0074oken',
    '/amsu-analysis/v2/x%EF%BC%8F..%20/token', 'http://amsu.test/amsu-analysis/v2/token', '/amsu-analysis/v2/token%00.gif', '/amsu-analysis/v2/token%3fx', '/amsu-analysis/v2/to%E2%84%AAen', '/amsu-analysis/v2/tok%E2%80%8Ben+', '/x/..%2Famsu-analysis/v2/token/refreshment', '/amsu-analysis/v2/\ttoken',
  ]) t.ok([...readings(target).keys()].some(isTokenEndpoint), target)
  for (const target of ['//evil.test/', '/\\evil.test', 'http://evil.test/amsu-analysis/', '/amsu-analysis/..', '/amsu-analysis/..%252f..', '/amsu-analysis/..;/x', '/amsu-analysis/..%20/x', '/amsu-analysis/%c0%ae./x']) {
    t.notOk([...readings(target).keys()].every(isInside), target)
  }
  for (const target of ['/amsu-analysis/v2/available-times?/../token', '/amsu-analysis/v2/tokens', '/amsu-analysis/v2/caf%C3%A9/x..y/']) {
    t.ok([...readings(target).keys()].every(reading => isInside(reading) && !isTokenEndpoint(reading)), target)
  }
})
