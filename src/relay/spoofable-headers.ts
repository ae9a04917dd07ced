/**
 * Header spoofing: request headers that some server, framework or gateway trusts because a proxy normally sets them. A client that could
 * send them would choose a path, method or host past the guards, or impersonate somebody else. Headers that an app may send to AMSU
 * itself, such as `X-Api-Key`, `X-User-Id`, `Idempotency-Key` or trace headers, are not among them.
 */

/** Why headers are dropped, and their names in lower case with `-`; a `*` at the end matches any suffix. */
type Row = readonly [reason: string, names: readonly string[]]

const ROWS: readonly Row[] = [
  ['RFC 7239 and its predecessors: client, host, scheme and prefix of the first request', ['forwarded', 'forwarded-*', 'x-forwarded', 'x-forwarded-*', 'x-forward-*', 'x-forwarder-*', 'forwarder-*']],

  ['another path: IIS URL Rewrite, Symfony and Zend (CVE-2018-14773), ingress-nginx, Envoy', ['x-original-*', 'x-rewrite-*']],
  ['another path: Azure App Service and Static Web Apps', ['x-waws-*', 'x-ms-original-*']],
  ['another path: gateways that replace it and send the old one (Traefik, Kong)', ['x-replaced-path', 'x-kong-*']],
  ['another path: Next.js skips or rewrites its middleware (CVE-2025-29927)', ['x-middleware-*', 'x-invoke-*', 'x-matched-path', 'x-now-route-matches', 'x-nextjs-*']],
  ['another path: gunicorn and WSGI middleware remove a prefix that the request names (gunicorn issue 2650)', ['script-name', 'path-info', 'x-script-name', 'x-path-info']],
  ['another path: older gateways, tried by every scanner', ['base-url', 'http-url', 'proxy-url', 'x-proxy-url', 'request-uri', 'x-request-uri', 'x-override-url', 'x-http-path-override', 'x-http-destinationurl']],

  ['another method: Rack, Rails, Express, ASP.NET, OData, Jersey, Google APIs', ['x-http-method', 'x-http-method-*', 'x-method-override', 'http-method-override', 'x-method-tunnel']],

  ['another host: frameworks that prefer these to Host', ['x-host', 'x-host-override', 'x-http-host-override', 'x-real-host', 'x-backend-host', 'http-host', 'origin-host', 'proxy-host', 'disguised-host']],
  ['another scheme or port: WebLogic, IIS, nginx and Rails', ['front-end-https', 'x-scheme', 'x-url-scheme', 'x-arr-*', 'wl-proxy-*', 'x-weblogic-*']],

  ['another route: Envoy and Istio, which can also be told to retry a POST', ['x-envoy-*', 'x-istio-*']],
  ['another route: Linkerd', ['l5d-*']],
  ['another file: nginx and Rack::Sendfile map paths by them (CVE-2025-61780)', ['x-accel-*', 'x-sendfile', 'x-sendfile-type', 'x-lighttpd-send-file']],
  ['another outbound proxy: CGI reads it as HTTP_PROXY (CVE-2016-5385, httpoxy)', ['proxy']],

  ['another address: nginx, HAProxy and Apache modules', ['x-real-ip', 'real-ip', 'x-client-ip', 'client-ip', 'x-cluster-client-ip', 'cluster-client-ip', 'x-remote-ip', 'x-remote-addr', 'remote-addr', 'x-originating-ip', 'x-proxyuser-ip', 'x-custom-ip-authorization', 'x-true-ip', 'x-true-client-ip', 'x-real-client-ip', 'x-client-port', 'x-real-port']],
  ['another address: content delivery networks and clouds', ['true-client-ip', 'cf-connecting-*', 'cf-pseudo-ipv4', 'cf-ipcountry', 'fastly-client-ip', 'fly-client-ip', 'incap-client-ip', 'x-sucuri-clientip', 'x-azure-*', 'x-appengine-*', 'x-vercel-*', 'x-nf-client-connection-ip', 'ali-cdn-real-ip', 'cdn-src-ip', 'cdn-real-ip', 'x-cdn-src-ip', 'eo-connecting-ip']],
  ['another address: Java apps try these names one after the other', ['proxy-client-ip', 'http-client-ip', 'http-x-*', 'http-forwarded', 'http-forwarded-*', 'http-via', 'http-proxy-client-ip']],

  ['another user: WebSphere trusts its plug-in', ['$ws*']],
  ['another user: CGI, gunicorn, Grafana and Kubernetes behind an authenticating proxy', ['remote-user', 'x-remote-*', 'x-webauth-*', 'impersonate-*', 'x-authenticated-*']],
  ['another user: oauth2-proxy, Kong, Authelia, authentik, Pomerium, Tailscale', ['x-auth-request-*', 'x-consumer-*', 'x-credential-identifier', 'x-credential-username', 'x-anonymous-consumer', 'remote-groups', 'remote-name', 'remote-email', 'x-authentik-*', 'x-pomerium-*', 'tailscale-*']],
  ['another user: identity-aware proxies of the clouds', ['x-goog-authenticated-*', 'x-goog-iap-*', 'x-amzn-oidc-*', 'x-amzn-mtls-*', 'x-ms-client-principal', 'x-ms-client-principal-*', 'x-ms-token-*', 'cf-access-*']],
  ['another user: client certificates that a TLS endpoint has verified (RFC 9440 section 2.4)', ['client-cert', 'client-cert-*', 'x-client-cert', 'x-client-cert-*', 'x-client-certificate', 'x-client-verify', 'x-client-dn', 'ssl-client-*', 'x-ssl-*', 'x-tls-*']],
]

const all = ROWS.flatMap(([, names]) => names)
const exact = new Set(all.filter(name => !name.endsWith('*')))
const prefixes = all.filter(name => name.endsWith('*')).map(name => name.slice(0, -1))

/** Whether a request header is dropped because a server could trust it as set by a proxy. `name` is in lower case, with `-` for `_`. */
export function isSpoofable (name: string): boolean {
  return exact.has(name) || prefixes.some(prefix => name.startsWith(prefix))
}
