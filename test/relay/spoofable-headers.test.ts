import { test } from 'tap'
import { upstreamRequestHeaders } from '../../src/relay/headers.ts'
import { isSpoofable } from '../../src/relay/spoofable-headers.ts'

/** The headers for AMSU from this header and one that is forwarded. */
function outbound (name: string): string[] {
  return upstreamRequestHeaders([name, '/amsu-analysis/v2/token', 'Kept', 'y'], 'upstream:80', 'id').headers.slice(2, -4)
}

test('no client can choose another path, method or host by a header, or impersonate another client, in any spelling', async t => {
  for (const name of [
    'X-Original-URL', 'X-Rewrite-URL', 'X-Original-URI', 'X-Original-Path', 'X-Original-Method', 'X-Original-Host', 'X-Envoy-Original-Path', 'X-Waws-Unencoded-Url', 'X-Middleware-Subrequest', 'X-Replaced-Path', 'Script-Name', 'Path-Info', 'X-Script-Name', 'Base-Url', 'Request-Uri', 'X-Http-Path-Override',
    'X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', 'X-Host', 'X-HTTP-Host-Override', 'Forwarded', 'X-Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Anything', 'Forwarded-For', 'X-Forward-For',
    'X-Envoy-Retry-On', 'l5d-dst-override', 'X-Accel-Mapping', 'X-Sendfile-Type', 'Proxy', 'Front-End-Https', 'X-Arr-Ssl',
    'X-Real-IP', 'True-Client-IP', 'CF-Connecting-IP', 'X-Client-IP', 'X-Cluster-Client-IP', 'X-ProxyUser-IP', 'Fastly-Client-IP', 'Ali-CDN-Real-IP', 'WL-Proxy-Client-IP', 'Proxy-Client-IP', 'HTTP-Client-IP', 'HTTP_X_FORWARDED_FOR',
    '$WSRU', 'Remote-User', 'X-Remote-User', 'X-Remote-Group', 'Impersonate-User', 'X-Auth-Request-Email', 'X-Consumer-Username', 'X-Goog-Authenticated-User-Email', 'X-Amzn-Oidc-Data', 'X-MS-Client-Principal', 'Cf-Access-Jwt-Assertion', 'Client-Cert', 'SSL-Client-Verify', 'X-SSL-Client-Cert',
  ]) {
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase(), name.replaceAll('-', '_'), name.replace('-', '_')]) t.strictSame(outbound(spelling), ['Kept', 'y'], spelling)
  }
})

test('what an app means for AMSU passes', async t => {
  for (const name of [
    'Accept', 'Accept-Encoding', 'Accept-Language', 'Content-Type', 'Content-Encoding', 'Content-Language', 'Content-Disposition', 'User-Agent', 'Referer', 'Origin', 'Range', 'If-None-Match', 'Date', 'Cache-Control', 'Pragma', 'Priority', 'From', 'Max-Forwards', 'SOAPAction',
    'X-Api-Key', 'X-App-Key', 'X-Auth-Token', 'X-Auth-User', 'X-User-Id', 'X-Method', 'X-Requested-With', 'X-Correlation-Id', 'X-CSRF-Token', 'X-Custom', 'X-Wap-Profile', 'X-Prefix', 'X-Ip', 'X-Client-Version', 'X-Client-Id', 'X-Client-Name', 'X-Goog-Api-Key', 'X-Ms-Version', 'X-Request-Start', 'X-Remotely',
    'Idempotency-Key', 'Traceparent', 'Tracestate', 'X-B3-TraceId', 'X-Amzn-Trace-Id', 'X-Original', 'X-Rewrite', 'Destination', 'Proxying', 'Real', 'Remote',
  ]) {
    t.notOk(isSpoofable(name.toLowerCase()), name)
    t.strictSame(outbound(name), [name, '/amsu-analysis/v2/token', 'Kept', 'y'], name)
  }
})
