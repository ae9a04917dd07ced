/** Everything that is measured side by side. */
import { existsSync, readFileSync } from 'node:fs'
import { settings } from '../../src/config/settings.ts'
import { caddyfile, haproxyCfg, httpdConf, nginxConf } from './peer-files.ts'
import { CALLER_SECRET, TOKEN, type Launch, type Site, type Target } from './target.ts'
import { part, tool, versionOf } from './tools.ts'

const program = part('../../dist/main.js')

/** Suites in which nginx streams bodies, as a relay of metered uploads must; in the others it is as it comes. */
const BODIES = ['big', 'uploads6']

/** Routes that allow all there is, so that the price is that of looking. */
export const ALL_ROUTES = 'GET /amsu-analysis/**, POST /amsu-analysis/**, PUT /amsu-analysis/**, DELETE /amsu-analysis/v2/**'

/** Suites in which ours also takes part as its image starts it. */
const IN_IMAGE = ['get64', 'post64', 'latency', 'idle', 'uploads6']

/** The options of Node.js in the image, which say what its collector does. */
export const IMAGE_OPTIONS = /^ENTRYPOINT \["node", (.*), "\/app\/dist\/main\.js"\]$/m.exec(readFileSync(part('../../Dockerfile'), 'utf8'))?.[1]?.split(', ').map(option => JSON.parse(option) as string) ?? []

/** Ours under another id, with settings on top of the defaults; an empty value unsets one. */
export function ours (id: string, title: string, changes: Readonly<Record<string, string>> = {}, nodeOptions: readonly string[] = []): Target {
  return {
    id,
    title,
    version: node => existsSync(program) ? versionOf([node, ...nodeOptions, program, '--version']) : undefined,
    runsOnNode: true,
    launch: ({ node, port, upstreamPort }) => ({
      argv: [node, ...nodeOptions, program],
      environment: { AMSU_CLIENT_ID: 'app-key-of-the-benchmark', AMSU_CLIENT_SECRET: 'app-secret-of-the-benchmark', AMSU_BASE_URL: `http://127.0.0.1:${upstreamPort}`, PORT: String(port), CALLERS: `bench:${CALLER_SECRET}`, ...changes },
    }),
  }
}

/** Ours with everything on, then with one thing switched off at a time, then with all of them off. */
export function features (): Target[] {
  const on = { ALLOWED_ROUTES: ALL_ROUTES }
  const off: Record<string, Record<string, string>> = {
    'no log': { LOG_LEVEL: 'silent' },
    'no callers': { CALLERS: '' },
    'no routes': { ALLOWED_ROUTES: '' },
    'no replay': { REPLAY_BODY_BYTES: '0' },
    ...'QUOTA_POLL_SECONDS' in settings ? { 'no quota poll': { QUOTA_POLL_SECONDS: '0' } } : {},
  }
  return [
    { ...ours('everything-on', 'everything on', on), isOurs: true },
    ...Object.entries(off).map(([title, changes]) => ours(title.replaceAll(' ', '-'), title, { ...on, ...changes })),
    ours('everything-off', 'everything off', Object.assign({}, ...Object.values(off)) as Record<string, string>),
  ]
}

/** All targets of the side-by-side suites, in the order of the tables. */
export const targets: readonly Target[] = [
  { ...ours('ours', '**amsu-proxy**'), isOurs: true },
  { ...ours('ours-image', 'amsu-proxy, as its image starts it', {}, IMAGE_OPTIONS), takesPart: suite => IN_IMAGE.includes(suite) },
  { id: 'direct', title: 'no proxy', version: () => '', launch: undefined, takesPart: suite => suite === 'latency' },
  { ...peer('nginx', 'nginx', ['nginx', '-v'], nginx(false)), takesPart: suite => !BODIES.includes(suite) },
  { ...peer('nginx-streaming', 'nginx, unbuffered', ['nginx', '-v'], nginx(true)), takesPart: suite => BODIES.includes(suite) },
  peer('haproxy', 'HAProxy', ['haproxy', '-v'], site => ({ argv: ['haproxy', '-db', '-f', `${site.folder}/haproxy.cfg`], files: { 'haproxy.cfg': haproxyCfg(site) } })),
  peer('caddy', 'Caddy', ['caddy', 'version'], site => ({ argv: ['caddy', 'run', '--config', `${site.folder}/Caddyfile`, '--adapter', 'caddyfile'], environment: { HOME: site.folder }, files: { Caddyfile: caddyfile(site) } })),
  peer('apache', 'Apache httpd', ['apache2', '-v'], site => ({ argv: ['apache2', '-f', `${site.folder}/httpd.conf`, '-DFOREGROUND'], files: { 'httpd.conf': httpdConf(site) } })),
  { id: 'go', title: 'Go ReverseProxy', version: () => existsSync(tool('reverseproxy')) ? versionOf(['go', 'version']) : undefined, launch: site => ({ argv: [tool('reverseproxy')], environment: plain(site) }) },
  nodePeer('fastify-http-proxy', '@fastify/http-proxy', '../../node_modules/@fastify/http-proxy'),
  nodePeer('http-proxy', 'http-proxy', 'peers/node_modules/http-proxy'),
  { ...nodePeer('node-http', 'node:http and its Agent'), version: node => versionOf([node, '--version']) },
]

function nginx (isStreaming: boolean): (site: Site) => Launch {
  return site => ({ argv: ['nginx', '-p', site.folder, '-c', `${site.folder}/nginx.conf`], files: { 'nginx.conf': nginxConf(site, isStreaming) } })
}

function peer (id: string, title: string, version: [string, string], launch: (site: Site) => Launch): Target {
  return { id, title, version: () => versionOf(version), launch }
}

/** A script of peers/ that takes PORT, UPSTREAM and TOKEN. */
function nodePeer (id: string, title: string, packageFolder = ''): Target {
  const manifest = part(`${packageFolder}/package.json`)
  return {
    id,
    title,
    version: () => existsSync(manifest) ? (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version : undefined,
    runsOnNode: true,
    launch: site => ({ argv: [site.node, part(`peers/${id}.mjs`)], environment: plain(site) }),
  }
}

function plain ({ port, upstreamPort }: Site): Record<string, string> {
  return { PORT: String(port), UPSTREAM: `http://127.0.0.1:${upstreamPort}`, TOKEN }
}
