import { test } from 'tap'
import { readFileSync } from 'node:fs'
import { settings } from '../../src/config/settings.ts'

test('the unit for systemd sets settings that exist, and outlasts the time the proxy may take to stop', async t => {
  const lines = readFileSync(new URL('../../docker/systemd/amsu-proxy.service', import.meta.url), 'utf8').split('\n').filter(line => /^\w+=/.test(line))
  const values = (key: string): string[] => lines.filter(line => line.startsWith(`${key}=`)).map(line => line.slice(key.length + 1))
  for (const variable of values('Environment')) {
    const [name = '', value = ''] = variable.split('=')
    t.ok(name in settings || name === 'NODE_ENV', name)
    if (name.endsWith('_FILE')) t.ok(values('LoadCredential').some(credential => credential.startsWith(`${value.replace('%d/', '')}:`)), name)
  }
  t.ok(Number(values('TimeoutStopSec')[0]) * 1000 > Number(settings.SHUTDOWN_GRACE_MS.default))
  t.same(values('RestartPreventExitStatus'), ['2'])
  t.notOk(lines.some(line => line.startsWith('MemoryDenyWriteExecute')), 'V8 could not start')
})
