/**
 * The way to AMSU: a pool of connections, with everything that depends on where AMSU is.
 */
import { systemClock, type Clock } from '../clock.ts'
import type { Connector } from './connect-attempt.ts'
import { ConnectionPool } from './connection-pool.ts'
import type { ForwardProxy } from './forward-proxy.ts'
import type { Transport } from './pending-request.ts'
import { throughForwardProxy } from './through-forward-proxy.ts'

export interface TransportOptions {
  /** Origin of AMSU. */
  readonly origin: string
  readonly connect: Connector
  /** The only way to AMSU, where there is one; `connect` leads there. */
  readonly forwardProxy: ForwardProxy | undefined
  readonly maxConnections: number
  /** How long a request may wait for a connection, as it may take to make one. */
  readonly connectTimeoutMs: number
  /** Whether each request has a connection of its own. @default false */
  readonly noKeepAlive?: boolean
  /** Tells the age of connections. @default systemClock */
  readonly clock?: Clock
}

/** A transport that is closed once. */
export interface ClosableTransport extends Transport {
  destroy: () => Promise<void>
}

/** Creates the way; nothing is opened before the first request. */
export function createTransport ({ clock = systemClock, connect, connectTimeoutMs, forwardProxy, noKeepAlive = false, maxConnections, origin }: TransportOptions): ClosableTransport {
  const isForwarded = forwardProxy !== undefined && origin.startsWith('http:')
  // tinyproxy closes after an answer without saying so, and a charged call must not be lost to a connection that looks alive.
  const pool = new ConnectionPool({ origin: new URL(origin), connect, maxConnections, waitTimeoutMs: connectTimeoutMs, noKeepAlive: noKeepAlive || isForwarded, clock })
  if (!isForwarded) return pool
  const { send } = throughForwardProxy(origin, pool, forwardProxy)
  return { send, destroy: async () => { await pool.destroy() } }
}
