import { test } from 'tap'
import { effectiveSettings } from '../../src/config/effective-settings.ts'
import { settings, type Setting } from '../../src/config/settings.ts'
import { validate, type Values } from '../../src/config/validation.ts'
import { REDACTED } from '../../src/secrets/secret.ts'

test('effective settings are listed in the order of the documents, and unset ones are marked as default', async t => {
  const given = { PORT: '8081', HOST: '127.0.0.1' }
  const listed = effectiveSettings(validate(given, []), new Set(Object.keys(given)))
  t.strictSame(listed.find(({ name }) => name === 'PORT'), { name: 'PORT', value: '8081', isDefault: false })
  t.strictSame(listed.find(({ name }) => name === 'HOST'), { name: 'HOST', value: '127.0.0.1', isDefault: false }, 'set to the default is set')
  t.strictSame(listed.find(({ name }) => name === 'ADMIN_HOST'), { name: 'ADMIN_HOST', value: '127.0.0.1', isDefault: true })
  t.notOk(listed.some(({ name }) => name === 'UNIX_SOCKET'), 'what has no value is not listed')
  const order = Object.keys(settings)
  t.strictSame(listed.map(({ name }) => name), order.filter(name => listed.some(each => each.name === name)))
})

test('of a secret it is only said that it is set', async t => {
  const secrets = Object.entries<Setting>(settings).filter(([, { isSecret }]) => isSecret === true).map(([name]) => name)
  t.ok(secrets.length >= 3)
  const listed = effectiveSettings(Object.fromEntries(secrets.map(name => [name, 'never-shown'])) as Values, new Set(secrets))
  t.strictSame(listed, secrets.map(name => ({ name, value: REDACTED, isDefault: false })))
})
