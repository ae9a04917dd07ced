import { test, type Test } from 'tap'
import { inspect } from 'node:util'
import { loadConfig, type Config, type Environment } from '../../src/config/config.ts'
import { settings, type Setting } from '../../src/config/settings.ts'
import { NO_DOTENV, problemsOf } from './problems.ts'

/** The minimum that is needed to start; a search for the values finds a leak. */
const CREDENTIALS = { AMSU_CLIENT_ID: 'given-id-7c1d', AMSU_CLIENT_SECRET: 'given-secret-93ab' }

/** The problems of AMSU_CLIENT_ID and AMSU_CLIENT_SECRET if neither or both forms are set. */
const ID_PROBLEM = 'AMSU_CLIENT_ID must be given, or AMSU_CLIENT_ID_FILE, but not both'
const SECRET_PROBLEM = 'AMSU_CLIENT_SECRET must be given, or AMSU_CLIENT_SECRET_FILE, but not both'

/** Values that are not integers in decimal digits. */
const NO_NUMBERS = ['eleven', '1.5', '-1', '1_000', 'NaN', 'true', 'null', '1,5', '1 2', '12ms', '  ', ' 80', '80\n', '0x50', '0b101', '8e1', '+80', '80.0', 'Infinity', '1e999']

/** For each setting with a range or a list, a value outside it. */
const OUT_OF_RANGE = Object.entries<Setting>(settings).flatMap(([name, { maximum, minimum, type, values }]) => {
  if (values !== undefined) return [[name, 'loudly'], [name, values[0]?.toUpperCase() ?? '']] as const
  return type === 'integer' ? [[name, String(BigInt(maximum ?? 0) + 1n)], [name, String((minimum ?? 0) - 1)]] as const : []
})

function load (environment: Environment): Config {
  return loadConfig({ ...CREDENTIALS, ...environment }, NO_DOTENV)
}

function ruleOf (name: string): string {
  return `${name} must be ${(settings as Record<string, Setting>)[name]?.rule}`
}

test('credentials are enough: everything else has a default', async t => {
  const { amsu, effective, warnings, ...rest } = load({})
  t.ok(effective.some(({ name }) => name === 'PORT'))
  t.equal(amsu.origin, 'http://api.amsu-new.com')
  t.equal(amsu.credentials.clientId.reveal(), 'given-id-7c1d')
  t.equal(amsu.credentials.clientSecret.reveal(), 'given-secret-93ab')
  t.strictSame(rest, {
    listener: { host: '127.0.0.1', port: 8080, tls: undefined },
    adminListener: undefined,
    callers: undefined,
    guard: { allowedHosts: [], allowedOrigins: [] },
    allowedRoutes: undefined,
    token: { tokenWaitMs: 5_000, requestTimeoutMs: 10_000 },
    relay: { connectTimeoutMs: 5_000, responseTimeoutMs: 300_000, idleTimeoutMs: 60_000, maxConnections: 128, maxBodyBytes: 106_954_752, replayBodyBytes: 1_048_576, maxInFlight: 1_024 },
    quota: { pollMs: 300_000 },
    files: { clientId: undefined, clientSecret: undefined, callers: undefined, certificateAuthority: undefined, seen: {} },
    shutdownGraceMs: 9_000,
    logLevel: 'info',
  })
})

test('every setting reaches its place', async t => {
  const { amsu, allowedRoutes, callers, effective, warnings, ...rest } = load({
    AMSU_BASE_URL: 'https://amsu.test',
    HOST: '0.0.0.0',
    PORT: '0',
    ADMIN_HOST: '::1',
    ADMIN_PORT: '1',
    CALLERS: 'app:a-secret-of-some-length',
    ALLOWED_HOSTS: 'Amsu.Example, b.example:8080,',
    ALLOWED_ORIGINS: 'https://app.example, http://localhost:3000/',
    ALLOWED_ROUTES: 'GET /amsu-analysis/v2/available-times, * /amsu-analysis/v2/hrv/**',
    TOKEN_WAIT_MS: '1',
    TOKEN_REQUEST_TIMEOUT_MS: '2',
    UPSTREAM_CONNECT_TIMEOUT_MS: '3',
    UPSTREAM_RESPONSE_TIMEOUT_MS: '4',
    UPSTREAM_IDLE_TIMEOUT_MS: '5',
    UPSTREAM_MAX_CONNECTIONS: '6',
    MAX_BODY_BYTES: '7',
    SHUTDOWN_GRACE_MS: '8',
    QUOTA_POLL_SECONDS: '11',
    REPLAY_BODY_BYTES: '9',
    MAX_IN_FLIGHT: '10',
    LOG_LEVEL: 'silent',
  })
  t.equal(amsu.origin, 'https://amsu.test')
  t.strictSame(callers?.map(({ name, secret }) => [name, secret.reveal()]), [['app', 'a-secret-of-some-length']])
  t.strictSame(allowedRoutes?.map(({ method }) => method), ['GET', '*'])
  t.strictSame(warnings, [])
  t.strictSame(rest, {
    listener: { host: '0.0.0.0', port: 0, tls: undefined },
    adminListener: { host: '::1', port: 1 },
    guard: { allowedHosts: ['amsu.example', 'b.example'], allowedOrigins: ['https://app.example', 'http://localhost:3000'] },
    token: { tokenWaitMs: 1, requestTimeoutMs: 2 },
    relay: { connectTimeoutMs: 3, responseTimeoutMs: 4, idleTimeoutMs: 5, maxConnections: 6, maxBodyBytes: 7, replayBodyBytes: 9, maxInFlight: 10 },
    quota: { pollMs: 11_000 },
    files: { clientId: undefined, clientSecret: undefined, callers: undefined, certificateAuthority: undefined, seen: {} },
    shutdownGraceMs: 8,
    logLevel: 'silent',
  })
})

test('listening beyond loopback without callers is refused with a message that names both ways out', async t => {
  for (const host of ['0.0.0.0', '::', '192.0.2.7', 'proxy.example']) {
    const [problem, ...more] = problemsOf({ ...CREDENTIALS, HOST: host })
    t.match(problem, /CALLERS.*ALLOW_OPEN_ACCESS=true/, host)
    t.strictSame(more, [])
    t.strictSame(problemsOf({ ...CREDENTIALS, HOST: host, ALLOW_OPEN_ACCESS: 'true' }), [])
    t.strictSame(problemsOf({ ...CREDENTIALS, HOST: host, CALLERS: 'a:b' }), [])
    t.strictSame(problemsOf({ ...CREDENTIALS, HOST: host, UNIX_SOCKET: '/run/x.sock' }), [], 'a unix socket is no network')
  }
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', 'app.localhost']) t.strictSame(problemsOf({ ...CREDENTIALS, HOST: host }), [], host)
})

test('two listeners cannot share a port of the same host, and the problem names both settings', async t => {
  const problem = 'ADMIN_PORT must be another port than PORT, because HOST and ADMIN_HOST are the same host'
  const open = { ...CREDENTIALS, ALLOW_OPEN_ACCESS: 'true', PORT: '9100', ADMIN_PORT: '9100' }
  for (const hosts of [{}, { HOST: 'localhost' }, { HOST: '0.0.0.0' }, { HOST: '::' }, { ADMIN_HOST: '0.0.0.0' }, { HOST: 'Box.local', ADMIN_HOST: 'box.local.' }]) t.strictSame(problemsOf({ ...open, ...hosts }), [problem], inspect(hosts))
  for (const others of [{ HOST: '127.0.0.2' }, { HOST: '::1' }, { HOST: '0.0.0.0', ADMIN_HOST: '::1' }, { ADMIN_PORT: '9101' }, { PORT: '0', ADMIN_PORT: '0' }, { UNIX_SOCKET: '/tmp/p.sock' }]) t.strictSame(problemsOf({ ...open, ...others }), [], inspect(others))
})

test('a list with an invalid entry is rejected completely', async t => {
  for (const [name, value] of [
    ['ALLOWED_ORIGINS', 'https://app.example/path'], ['ALLOWED_ORIGINS', 'app.example'], ['ALLOWED_ORIGINS', 'null'],
    ['ALLOWED_HOSTS', 'http://amsu.example'], ['ALLOWED_HOSTS', 'a.example, *'], ['ALLOWED_HOSTS', '0.0.0.0'],
    ['ALLOWED_ROUTES', 'GET'], ['ALLOWED_ROUTES', '/amsu-analysis/x'], ['ALLOWED_ROUTES', 'GET /elsewhere'], ['ALLOWED_ROUTES', 'GET /amsu-analysis/x,'], ['ALLOWED_ROUTES', 'get /amsu-analysis/x'],
    ['ALLOW_OPEN_ACCESS', 'yes'], ['ADMIN_PORT', '65536'],
  ] as const) t.strictSame(problemsOf({ ...CREDENTIALS, [name]: value }), [ruleOf(name)], `${name}: ${value}`)
  t.match(problemsOf({ ...CREDENTIALS, CALLERS: 'never-shown' }).join(), /^(?!.*never-shown).*CALLERS entry 1/)
  t.strictSame(problemsOf({ ...CREDENTIALS, CALLERS: 'a:b', CALLERS_FILE: '/x' }), [ruleOf('CALLERS')])
})

test('a short secret of a caller is warned of, by number and not by name or value', async t => {
  const { warnings } = load({ AMSU_BASE_URL: 'https://amsu.test', CALLERS: `short-name:short-value,long:${'x'.repeat(16)},other:${'y'.repeat(15)}` })
  t.match(warnings, [/^2 of 3 callers have a secret of less than 16 characters/])
  t.equal(warnings.length, 1)
  t.notMatch(warnings.join(), /short-name|short-value|other/)
})

test('a bound is inside its range, and one past it is not', async t => {
  for (const [name, { maximum, minimum, type }] of Object.entries<Setting>(settings)) {
    if (type !== 'integer') continue
    t.strictSame(problemsOf({ ...CREDENTIALS, [name]: String(minimum) }), [], `${name}: ${minimum}`)
    t.strictSame(problemsOf({ ...CREDENTIALS, [name]: String(maximum) }), [], `${name}: ${maximum}`)
  }
  for (const [name, value] of OUT_OF_RANGE) t.strictSame(problemsOf({ ...CREDENTIALS, [name]: value }), [ruleOf(name)], `${name}: ${value}`)
})

test('a number is written in digits and nothing else: not in blanks, other notations or infinity', async t => {
  for (const value of NO_NUMBERS) t.strictSame(problemsOf({ ...CREDENTIALS, PORT: value }), [ruleOf('PORT')], inspect(value))
})

test('every level of the log is accepted', async t => {
  for (const level of settings.LOG_LEVEL.values) t.equal(load({ LOG_LEVEL: level }).logLevel, level)
})

test('the base URL is an origin: a slash at its end and a default port go, another port stays', async t => {
  for (const [given, origin] of [
    ['http://amsu.test', 'http://amsu.test'],
    ['http://amsu.test/', 'http://amsu.test'],
    ['https://amsu.test', 'https://amsu.test'],
    ['https://amsu.test:443/', 'https://amsu.test'],
    ['https://amsu.test:8443', 'https://amsu.test:8443'],
    ['http://127.0.0.1:9090/', 'http://127.0.0.1:9090'],
    ['http://[::1]:9090', 'http://[::1]:9090'],
    ['HTTP://AMSU.TEST', 'http://amsu.test'],
  ] as const) {
    t.equal(load({ AMSU_BASE_URL: given }).amsu.origin, origin, given)
  }
})

test('a base URL that is no origin is rejected', async t => {
  for (const given of [
    'http://amsu.test/amsu-analysis/v2', 'http://amsu.test//', 'http://amsu.test/?zone=1', 'http://amsu.test/#top', 'http://someone:hushhush@amsu.test',
    'http://someone@amsu.test', 'ftp://amsu.test', 'file:///etc/amsu', 'amsu.test', 'amsu.test:8080', '//amsu.test', 'http://', 'http://amsu.test:99999', 'quite some garbage', '   ',
  ]) {
    t.strictSame(problemsOf({ ...CREDENTIALS, AMSU_BASE_URL: given }), [ruleOf('AMSU_BASE_URL')], given)
  }
})

test('plain http is warned about, unless it stays on this machine', async t => {
  for (const [url, isWarned] of [
    ['http://api.amsu-new.com', true],
    ['http://10.0.0.7', true],
    ['http://localhost.amsu.test', true],
    ['http://127.0.0.1.amsu.test', true],
    ['https://api.amsu-new.com', false],
    ['http://127.0.0.1:9090', false],
    ['http://127.8.9.10', false],
    ['http://[::1]:9090', false],
    ['http://localhost:9090', false],
    ['http://amsu.localhost', false],
  ] as const) {
    t.match(load({ AMSU_BASE_URL: url }).warnings, isWarned ? [/^AMSU_BASE_URL is plain http/] : [], url)
    t.equal(load({ AMSU_BASE_URL: url }).warnings.length, isWarned ? 1 : 0, url)
  }
})

test('a mistyped name is a warning, and its value is not repeated', async t => {
  const { warnings } = load({ AMSU_BASE_URL: 'https://amsu.test', AMSU_CLIENT_SECERT: 'mistyped-value-55e0' })
  t.strictSame(warnings, ['AMSU_CLIENT_SECERT is not a setting; did you mean AMSU_CLIENT_SECRET?'])
})

test('a mistyped name is reported even if the program cannot start', async t => {
  t.match(problemsOf({ AMSU_CLIENT_ID: 'given-id-7c1d', AMSU_CLIENT_SECERT: 'mistyped-value-55e0' }).join('\n'), /did you mean AMSU_CLIENT_SECRET\?/)
})

test('an empty variable counts as unset', async t => {
  t.match(load({ PORT: '', LOG_LEVEL: '' }).listener, { port: 8080 })
  t.equal(load({ AMSU_CLIENT_ID_FILE: '' }).amsu.credentials.clientId.reveal(), 'given-id-7c1d')
  t.strictSame(problemsOf({ AMSU_CLIENT_ID: '', AMSU_CLIENT_SECRET: undefined }), [ID_PROBLEM, SECRET_PROBLEM])
})

test('all problems are reported at once, by name and never by value', async t => {
  const wrong: Record<string, string> = {
    ...Object.fromEntries(OUT_OF_RANGE.map(([name]) => [name, `wrong-${name.toLowerCase()}-4f7e`])),
    AMSU_BASE_URL: 'ftp://wrong-host-4f7e/',
    AMSU_CLIENT_ID: 'wrong-both-4f7e',
    AMSU_CLIENT_ID_FILE: '/wrong/path-4f7e',
    AMSU_CLIENT_SECRET_FILE: '/wrong/path/secret',
  }
  const problems = problemsOf(wrong)
  for (const name of [...new Set(OUT_OF_RANGE.map(([name]) => name)), 'AMSU_BASE_URL']) t.ok(problems.includes(ruleOf(name)), name)
  t.ok(problems.includes(ID_PROBLEM))
  t.ok(problems.includes('AMSU_CLIENT_SECRET_FILE cannot be read (ENOENT): /wrong/path/secret'), 'but a file by its path')
  t.equal(new Set(problems).size, problems.length, 'each once')
  t.equal(problems.length, Object.keys(wrong).length - 1, 'both forms of the id are one problem')
  t.notMatch(problems.join(), /4f7e/)
})

test('what is wrong is thrown as one error whose message holds every problem', async t => {
  t.throws(() => loadConfig({ PORT: 'x' }, NO_DOTENV), { name: 'ConfigError', message: `${ruleOf('PORT')}\n${ID_PROBLEM}\n${SECRET_PROBLEM}` })
})

test('the configuration cannot be changed', async t => {
  const isFrozen = (value: unknown): boolean => typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen))
  const config = load({})
  const { amsu, ...rest } = config
  t.ok(Object.isFrozen(config) && Object.isFrozen(amsu) && Object.isFrozen(amsu.credentials))
  for (const [name, slice] of Object.entries(rest)) t.ok(isFrozen(slice), name)
})

test('the secrets of a configuration do not print', async t => {
  const config = load({})
  neverPrints(t, config)
  neverPrints(t, config.amsu.credentials.clientSecret)
})

function neverPrints (t: Test, value: unknown): void {
  for (const text of [inspect(value, { depth: 20, showHidden: true, getters: true }), JSON.stringify(value), `${String(value)}`, inspect(value, { customInspect: false, showHidden: true, depth: 20 })]) {
    t.notMatch(text, /given-(?:id|secret)/)
  }
}
