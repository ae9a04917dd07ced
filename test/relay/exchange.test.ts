/**
 * What a client is told of a request that was sent, and then could not be sent again; and a client that left before its request began.
 */
import { test, type Test } from 'tap'
import { instant, systemClock } from '../../src/clock.ts'
import { ProxyError } from '../../src/errors.ts'
import type { Tokens } from '../../src/relay/context.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { AccessToken } from '../../src/token/access-token.ts'
import { call, errorCode, type ReceivedResponse } from '../support/client.ts'
import { connectRaw } from '../support/raw-client.ts'
import { startRelay, type BareRelay } from '../support/relay.ts'
import { until } from '../support/until.ts'
import { startScripted } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** Sends a GET on a connection that AMSU resets, when no token is there to send it again. */
async function sendAndLose (t: Test, acquire: Tokens['acquire']): Promise<{ response: Promise<ReceivedResponse>, relay: BareRelay }> {
  let hasToken = true
  const upstream = await startScripted((_head, socket) => {
    if (upstream.heads.length === 1) {
      socket.write(OK)
    } else {
      hasToken = false
      socket.resetAndDestroy()
    }
  })
  t.teardown(upstream.close)
  const token = new AccessToken(new Secret('x'.repeat(40)), instant(systemClock), 86_400_000)
  const relay = await startRelay(t, upstream, { current: () => hasToken ? token : undefined, acquire })
  t.equal((await call(relay.origin, PATH)).status, 200)
  return { relay, response: call(relay.origin, PATH) }
}

test('a GET that was sent, and waits in vain for a token to be sent again, may have been charged', async t => {
  const { relay, response } = await sendAndLose(t, async () => { throw new ProxyError('TOKEN_UNAVAILABLE') })
  t.equal(errorCode((await response).text), 'PROXY.UPSTREAM_RESET')
  await until(() => relay.outcomes.length === 2)
  t.match(relay.outcomes[1], { status: 502, errorCode: 'UPSTREAM_RESET', replay: undefined, cause: { code: 'ECONNRESET' } })
})

test('a GET that was sent, and waits for a token when the grace period is over, may have been charged', async t => {
  let isWaiting = false
  const { relay, response } = await sendAndLose(t, async () => { isWaiting = true; return await new Promise(() => {}) })
  await until(() => isWaiting)
  relay.relay.stop()
  t.equal(errorCode((await response).text), 'PROXY.UPSTREAM_RESET')
})

test('a request whose client has left, and whose socket is not closed yet, is not sent', async t => {
  const upstream = await startScripted((_head, socket) => { socket.write(OK) })
  t.teardown(upstream.close)
  const token = new AccessToken(new Secret('x'.repeat(40)), instant(systemClock), 86_400_000)
  const { origin, outcomes } = await startRelay(t, upstream, { current: () => token }, () => ({ exchange: undefined, hasClientLeft: true, abort () {} }))
  const client = await connectRaw(t, origin)
  client.socket.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await until(() => outcomes.length + upstream.heads.length > 0)
  t.match(outcomes, [{ status: 499 }])
  t.strictSame(upstream.heads, [])
})
