import { test } from 'tap'
import { settings, type Setting } from '../../src/config/settings.ts'

const entries = Object.entries<Setting>(settings)

test('a setting is named in capitals and described in complete sentences', async t => {
  for (const [name, { meaning, rule }] of entries) {
    t.match(name, /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$/, name)
    t.match(meaning, /^[A-Z`].*\.$/, `${name}: the meaning is a sentence`)
    t.match(rule, /^[a-z].*[^.]$/, `${name}: the rule ends the sentence "${name} must be …"`)
    t.match(`${meaning}${rule}`, /^[\x20-\x7e]+$/, `${name}: one line of ASCII`)
  }
})

test('a default obeys the rule of its setting', async t => {
  for (const [name, { default: value, maximum = Infinity, minimum = -Infinity, type, values }] of entries) {
    if (value === undefined) continue
    t.equal(typeof value, type === 'integer' ? 'number' : type, name)
    if (typeof value === 'number') t.ok(Number.isSafeInteger(value) && value >= minimum && value <= maximum, `${name}: ${value} is in range`)
    else if (values !== undefined) t.ok(values.includes(String(value)), `${name}: ${value} is one of its values`)
  }
})

test('a number has both bounds, and no delay is longer than a timer of Node takes', async t => {
  for (const [name, { maximum, minimum, type }] of entries) {
    if (type !== 'integer') continue
    t.ok(minimum !== undefined && minimum >= 0 && maximum !== undefined && Number.isSafeInteger(maximum), name)
    if (name.endsWith('_MS')) t.equal(maximum, 2 ** 31 - 1, `${name}: at most 2^31 - 1`)
  }
})

test('a secret can be given as a variable or as a file', async t => {
  for (const name of ['AMSU_CLIENT_ID', 'AMSU_CLIENT_SECRET'] as const) {
    t.notOk('default' in settings[name], `${name} has no default`)
    t.ok(`${name}_FILE` in settings, `${name}_FILE exists`)
    t.match(settings[name].rule, `${name}_FILE`, 'the rule of one names the other')
  }
})

test('the defaults are the documented ones', async t => {
  t.strictSame(Object.fromEntries(entries.filter(([, { default: value }]) => value !== undefined).map(([name, { default: value }]) => [name, value])), {
    AMSU_BASE_URL: 'http://api.amsu-new.com',
    HOST: '127.0.0.1',
    PORT: 8080,
    ADMIN_HOST: '127.0.0.1',
    ALLOW_OPEN_ACCESS: false,
    TOKEN_WAIT_MS: 5_000,
    TOKEN_REQUEST_TIMEOUT_MS: 10_000,
    UPSTREAM_CONNECT_TIMEOUT_MS: 5_000,
    UPSTREAM_RESPONSE_TIMEOUT_MS: 300_000,
    UPSTREAM_IDLE_TIMEOUT_MS: 60_000,
    UPSTREAM_MAX_CONNECTIONS: 128,
    MAX_BODY_BYTES: 102 * 2 ** 20,
    REPLAY_BODY_BYTES: 2 ** 20,
    MAX_IN_FLIGHT: 1_024,
    QUOTA_POLL_SECONDS: 300,
    SHUTDOWN_GRACE_MS: 9_000,
    LOG_LEVEL: 'info',
  })
})
