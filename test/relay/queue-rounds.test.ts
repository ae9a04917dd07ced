/**
 * A request that comes to the head of the queue with an expired token, and must wait again.
 */
import { test } from 'tap'
import { elapsedMs, instant, systemClock } from '../../src/clock.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { AccessToken } from '../../src/token/access-token.ts'
import { call } from '../support/client.ts'
import { startRelay } from '../support/relay.ts'
import { startTcp } from '../support/upstream.ts'

/** How long AMSU takes for a request, and how long a token lives: less than the request before one in the queue takes. */
const SERVED_MS = 100
const LIFE_MS = 50

test('a request whose tokens expire in the queue waits UPSTREAM_CONNECT_TIMEOUT_MS in all, however often it comes back', async t => {
  const { close, origin: amsu } = await startTcp(socket => {
    socket.on('data', () => { setTimeout(() => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok') }, SERVED_MS) })
  })
  t.teardown(close)
  const { origin, outcomes } = await startRelay(t, { origin: amsu, maxConnections: 1, connectTimeoutMs: 350 }, {
    current: () => new AccessToken(new Secret('x'.repeat(40)), instant(systemClock), LIFE_MS),
    isUsable: ({ issuedAt, lifeMs }) => elapsedMs(issuedAt, systemClock) < lifeMs,
  })
  const statuses = (await Promise.all(Array.from({ length: 12 }, async () => await call(origin, '/x')))).map(({ status }) => status)
  const served = statuses.filter(status => status === 200).length
  t.ok(served >= 1 && served <= 5, `${served} were served`)
  t.match(outcomes.filter(({ status }) => status !== 200), Array.from({ length: 12 - served }, () => ({ status: 502, errorCode: 'UPSTREAM_UNREACHABLE', cause: { code: 'ERR_NO_CONNECTION' } })))
  t.ok(Math.max(...outcomes.filter(({ status }) => status !== 200).map(({ durationMs }) => durationMs)) < 2_000)
})
