import { test } from 'tap'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { call } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { CA, pemPath, startTlsFront } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

test('a new AMSU_CA_FILE counts for connections made from then on, of the relay and of the token', async t => {
  const upstream = await startUpstream()
  const front = await startTlsFront(upstream, 'self-signed')
  const file = join(t.testdir({ ca: CA }), 'ca')
  const proxy = await startProxy(front.origin, { AMSU_CA_FILE: file, TOKEN_WAIT_MS: '100' })
  t.teardown(async () => { await proxy.stop(); await front.close(); await upstream.close() })
  t.equal((await call(proxy.origin, PATH)).status, 503)
  copyFileSync(pemPath('self-signed.pem'), file)
  await until(async () => (await call(proxy.origin, PATH)).status === 200)
  t.ok(proxy.lines.some(line => line.includes('the certificate authorities for AMSU have been read again')))
  await front.swap('server')
  t.equal((await call(proxy.origin, PATH)).status, 502, 'the old authority does not count any more')
})
