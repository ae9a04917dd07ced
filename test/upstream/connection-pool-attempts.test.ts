/**
 * Connection attempts that fail, in every way: which requests fail with them, and which do not.
 */
import { test, type Test } from 'tap'
import { createConnector, type Connector } from '../../src/upstream/connector.ts'
import { freePort } from '../support/free-port.ts'
import { startTlsFront } from '../support/tls.ts'
import { startTcp } from '../support/upstream.ts'
import { echo, setUp, type Stage } from './pool-stage.ts'

/** Targets to which a connection fails, and the error of the attempt. */
async function startFaults (t: Test): Promise<Array<{ origin: string, code: string }>> {
  const silent = await startTcp(() => {})
  const resetting = await startTcp(socket => { socket.resetAndDestroy() })
  const untrusted = await startTlsFront(silent, 'self-signed')
  t.teardown(async () => { await untrusted.close(); await silent.close(); await resetting.close() })
  return [
    { origin: `http://127.0.0.1:${await freePort()}`, code: 'ECONNREFUSED' },
    { origin: silent.origin.replace('http:', 'https:'), code: 'ERR_CONNECT_TIMEOUT' },
    { origin: resetting.origin.replace('http:', 'https:'), code: 'ECONNRESET' },
    { origin: untrusted.origin, code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  ]
}

const connector = createConnector({ connectTimeoutMs: 300, certificateAuthority: () => undefined, forwardProxy: undefined })

/** A pool whose attempts go to `places`, one after the other; without a place they go to the server. */
async function setUpPlaces (t: Test, places: Array<string | undefined>, maxConnections = 8, script = echo): Promise<{ stage: Stage, attempts: () => number }> {
  let attempts = 0
  const connect: Connector = (target, callback) => {
    const place = places[attempts++]
    if (place === undefined) { connector(target, callback); return }
    const { host, hostname, port, protocol } = new URL(place)
    connector({ host, hostname, port, protocol }, callback)
  }
  return { stage: await setUp(t, { connect, maxConnections }, script), attempts: () => attempts }
}

test('a failed attempt does not fail requests that came after it had begun: they have another', async t => {
  for (const { code, origin } of await startFaults(t)) {
    const { attempts, stage } = await setUpPlaces(t, [origin], 1)
    const waiting = stage.send('/waiting')
    await stage.clock.advance(1)
    const later = ['/later/0', '/later/1'].map(target => stage.send(target))
    t.equal(await waiting.outcome, code)
    for (const call of later) t.match(await call.outcome, /^200 \/later/, code)
    t.equal(attempts(), 2)
    t.strictSame(waiting.events, ['failure'], 'nothing of it was sent')
  }
})

test('an attempt whose own request was aborted fails no later request', async t => {
  for (const { code, origin } of await startFaults(t)) {
    const { attempts, stage } = await setUpPlaces(t, [origin])
    stage.send('/left').pending?.abort()
    await stage.clock.advance(1)
    const later = stage.send('/later')
    t.equal(attempts(), 1, 'it waits for the one in progress')
    t.equal(await later.outcome, '200 /later 0', code)
    t.equal(attempts(), 2)
  }
})

test('a failed attempt does not fail requests that another connection serves', async t => {
  for (const { code, origin } of await startFaults(t)) {
    const { attempts, stage } = await setUpPlaces(t, [undefined, origin], 8, received => { if (received.target !== '/busy') received.respond() })
    const busy = stage.send('/busy')
    const { respond } = await stage.nth(0)
    const served = stage.send('/served')
    t.equal(attempts(), 2)
    respond()
    t.match(await busy.outcome, /^200/)
    t.equal(await served.outcome, '200 /served 0', code)
    await stage.clock.advance(1)
    const later = stage.send('/later')
    t.equal(await later.outcome, '200 /later 0', code)
  }
})

test('a request whose connection ended before a byte was written has not waited for an attempt that was begun meanwhile', async t => {
  const attempts: Array<() => void> = []
  const refusal = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const connect: Connector = (target, callback) => {
    if (attempts.push(() => { callback(refusal, null) }) !== 2) connector(target, callback)
  }
  const stage = await setUp(t, { connect }, echo)
  await stage.send('/first').outcome
  for (const socket of stage.made) socket.destroy()
  const offered = stage.send('/offered') // is assigned the used connection, whose end has not been read yet
  await stage.clock.advance(1)
  const waiting = stage.send('/waiting')
  t.equal(attempts.length, 2, 'an attempt is made for it')
  await stage.clock.advance(1)
  while (attempts.length < 3) await new Promise(setImmediate)
  attempts[1]?.()
  t.equal(await waiting.outcome, 'ECONNREFUSED')
  t.equal(await offered.outcome, '200 /offered 1')
  t.strictSame(offered.events.filter(event => event === 'failure'), [])
})
