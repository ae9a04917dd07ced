import { test } from 'tap'
import { responseFailure, connectionFailure, forwardProxyRejection, tlsFailure, type CheckTarget } from '../../src/commands/check-advice.ts'

const AMSU: CheckTarget = { setting: 'AMSU_BASE_URL', place: 'amsu.example:443', hasForeignProxySetting: false }
const FORWARD: CheckTarget = { setting: 'AMSU_HTTP_PROXY', place: 'proxy.example:3128', hasForeignProxySetting: true }

test('a connection that fails has one cause by its code, and the code is shown', async t => {
  for (const [code, cause] of [
    ['ENOTFOUND', /name does not exist/],
    ['EAI_AGAIN', /no working DNS/],
    ['ECONNREFUSED', /nothing listens there/],
    ['ECONNRESET', /on the way.* closes the connection/],
    ['EHOSTUNREACH', /no route/],
    ['ENETUNREACH', /no network that reaches the host/],
    ['ETIMEDOUT', /drops the packets/],
    ['ESOMETHING', /the connection failed/],
  ] as const) t.match(connectionFailure(code, AMSU), { status: 'failed', found: `(${code})`, cause, data: { code } }, code)
})

test('a name without an address, a failed connection and a timeout have different messages', async t => {
  t.equal(connectionFailure('ENOTFOUND', AMSU).found, 'amsu.example:443: the name has no address (ENOTFOUND)')
  t.equal(connectionFailure('ECONNREFUSED', AMSU).found, 'amsu.example:443: no connection (ECONNREFUSED)')
  for (const code of ['ERR_CONNECT_TIMEOUT', 'TimeoutError', 'ABORT_ERR', 'ETIMEDOUT']) {
    t.match(connectionFailure(code, AMSU), { found: `amsu.example:443: no response in time (${code})`, cause: 'a firewall on the way drops the packets' }, 'from any component')
  }
})

test('the advice names the setting that leads there, and a forward proxy only where one is missing', async t => {
  t.match(connectionFailure('ECONNREFUSED', AMSU).advice, /compare AMSU_BASE_URL.*if this network has a forward proxy, set AMSU_HTTP_PROXY/)
  t.match(connectionFailure('ECONNREFUSED', FORWARD), { found: /^proxy.example:3128/, cause: /nothing listens there/, advice: /^compare AMSU_HTTP_PROXY/ })
})

test('a network that sets HTTP_PROXY for others is the likely cause, whatever the code', async t => {
  for (const code of ['ENOTFOUND', 'ETIMEDOUT', 'ESOMETHING']) {
    t.match(connectionFailure(code, { ...AMSU, hasForeignProxySetting: true }), { found: code, cause: /HTTP_PROXY or HTTPS_PROXY is set/, advice: /set AMSU_HTTP_PROXY/ })
  }
})

test('a certificate that does not hold is named by its fault; what is no fault of TLS is a connection that failed', async t => {
  for (const [code, cause, advice] of [
    ['CERT_HAS_EXPIRED', /expired, or the clock/, /clock first/],
    ['CERT_NOT_YET_VALID', /clock of this machine is behind/, /set the clock/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /self-signed/, /AMSU_CA_FILE/],
    ['SELF_SIGNED_CERT_IN_CHAIN', /firewall on the way intercepts TLS/, /AMSU_CA_FILE/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /does not know the certificate authority/, /AMSU_CA_FILE/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /does not know the certificate authority/, /AMSU_CA_FILE/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /for another host name/, /AMSU_BASE_URL/],
    ['EPROTO', /does not speak TLS/, /use http in AMSU_BASE_URL/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak TLS/, /use http in AMSU_BASE_URL/],
    ['ERR_SSL_PACKET_LENGTH_TOO_LONG', /does not speak TLS/, /use http in AMSU_BASE_URL/],
  ] as const) t.match(tlsFailure(code, { ...AMSU, hasForeignProxySetting: true }), { status: 'failed', found: `amsu.example:443: the certificate is invalid or the TLS handshake failed (${code})`, cause, advice, data: { code } }, code)
  t.strictSame(tlsFailure('ECONNRESET', AMSU), connectionFailure('ECONNRESET', AMSU))
})

test('a forward proxy refuses because of the credentials, of what it cannot reach, or of its rules', async t => {
  for (const status of [401, 407]) {
    t.match(forwardProxyRejection(status, true), { found: `the forward proxy responded with ${status}`, cause: /does not accept the user and password/, advice: /%40 and %3A/ })
    t.match(forwardProxyRejection(status, false), { cause: /requires a user and a password/, advice: 'write AMSU_HTTP_PROXY as http://user:password@host:port' })
  }
  for (const status of [500, 502, 504]) t.match(forwardProxyRejection(status, true), { cause: 'the forward proxy cannot reach AMSU' })
  for (const status of [302, 403, 405]) t.match(forwardProxyRejection(status, false), { status: 'failed', cause: /the rules of the forward proxy do not allow/, data: { status } })
})

test('an unexpected response has one cause, which may be the forward proxy if there is one', async t => {
  for (const [status, isHtml, cause, forwarded] of [
    [301, true, 'AMSU has moved, or requires https', undefined],
    [429, true, 'AMSU received too many of these calls', undefined],
    [200, true, /captive portal, a firewall or another server$/, /: the forward proxy$/],
    [404, true, /captive portal, a firewall or another server$/, /: the forward proxy$/],
    [502, true, 'AMSU has an outage', 'AMSU or the forward proxy has an outage'],
    [500, false, 'AMSU has an outage', 'AMSU or the forward proxy has an outage'],
    [404, false, 'AMSU_BASE_URL points to something other than AMSU', undefined],
    [200, false, 'AMSU does not respond as documented', undefined],
    [418, false, 'AMSU does not respond as documented', undefined],
  ] as const) {
    t.match(responseFailure({ status, isHtml }, false), { status: 'failed', cause, advice: String, data: { status, code: null } }, `${status}`)
    t.match(responseFailure({ status, isHtml }, true), { cause: forwarded ?? cause }, `${status} behind a forward proxy`)
  }
})

test('the status of a response, AMSU’s code and that it is a web page are shown', async t => {
  t.equal(responseFailure({ status: 418, isHtml: false }, false).found, 'the response has status 418')
  t.match(responseFailure({ status: 403, isHtml: true, code: 'COMMON.FORBIDDEN' }, false), { found: 'the response has status 403 and the code COMMON.FORBIDDEN and is a web page', data: { code: 'COMMON.FORBIDDEN' } })
})
