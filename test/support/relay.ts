/**
 * The relay without the rest of the proxy: no token source, no guards, no Fastify.
 */
import type { Test } from 'tap'
import { instant, systemClock } from '../../src/clock.ts'
import type { ExchangeConnection, Outcome, Tokens } from '../../src/relay/context.ts'
import { Relay } from '../../src/relay/relay.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { Listener } from '../../src/server/listener.ts'
import { AccessToken } from '../../src/token/access-token.ts'
import { createConnector, type ConnectorOptions } from '../../src/upstream/connector.ts'
import { createTransport, type TransportOptions } from '../../src/upstream/transport.ts'

/** Largest body that is kept to be sent again, in bytes. */
export const REPLAY_BODY_BYTES = 1_000

export interface BareRelay {
  readonly relay: Relay
  /** How each request ended, in order. */
  readonly outcomes: Outcome[]
}

/** How to reach AMSU. */
type UpstreamOptions = Partial<TransportOptions & ConnectorOptions> & { readonly origin: string }

/** Creates a relay before `upstream`, with a token in hand that can be renewed at any time, unless `other` says otherwise. */
export function createRelay (t: Test, upstream: UpstreamOptions, other: Partial<Tokens> = {}): BareRelay {
  const { clock: _pool, ...connecting } = upstream // the age of connections may go by a clock that stands still, their timeout may not
  const connect = createConnector({ connectTimeoutMs: 300, certificateAuthority: () => undefined, forwardProxy: undefined, ...connecting })
  const transport = createTransport({ connect, connectTimeoutMs: 300, maxConnections: 8, forwardProxy: undefined, ...upstream })
  let count = 0
  const issue = (): AccessToken => new AccessToken(new Secret(`${'x'.repeat(40)}${++count}`), instant(systemClock), 86_400_000)
  let token = issue()
  const tokens: Tokens = { current: () => token, acquire: async () => token, isUsable: () => true, invalidate () { token = issue(); return true }, ...other }
  const outcomes: Outcome[] = []
  const relay = new Relay({
    transport,
    upstreamUrl: new URL(upstream.origin),
    tokens,
    clock: systemClock,
    maxBodyBytes: 1_000_000,
    replayBodyBytes: REPLAY_BODY_BYTES,
    maxInFlight: 100,
    responseTimeoutMs: 10_000,
    idleTimeoutMs: 10_000,
    isRevealing: () => false,
    onLeak () {},
    onOutcome (outcome) { outcomes.push(outcome) },
    onEventLoopStall () {},
    onRejection () {},
  })
  t.teardown(async () => { await transport.destroy() })
  return { relay, outcomes }
}

/** Starts to serve such a relay; `asSeen` changes what its exchanges see of their connections. */
export async function startRelay (t: Test, upstream: UpstreamOptions, other?: Partial<Tokens>, asSeen = (connection: ExchangeConnection) => connection): Promise<BareRelay & { readonly origin: string }> {
  const { outcomes, relay } = createRelay(t, upstream, other)
  const listener = new Listener({
    tls: undefined,
    headTimeoutMs: undefined,
    onRequest (req, res, connection) { relay.relay({ req, res, requestId: 'request-1', connection: asSeen(connection), caller: undefined, isLate: relay.isDraining }) },
    onRejected: () => 'request-1',
  })
  const origin = await listener.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => {
    listener.destroyAll()
    await listener.close()
  })
  return { origin, outcomes, relay }
}
