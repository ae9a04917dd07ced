/**
 * Creates the upstream transport: a connection pool to AMSU, direct or through a forward proxy.
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
  /** The forward proxy, if one is set; `connect` connects to it. */
  readonly forwardProxy: ForwardProxy | undefined
  readonly maxConnections: number
  /** How long a connection attempt may take, and how long a request may wait for a connection. */
  readonly connectTimeoutMs: number
  /** Whether each request uses its own connection. @default false */
  readonly noKeepAlive?: boolean
  /** Clock for the age of connections. @default systemClock */
  readonly clock?: Clock
}

/** A transport that can be closed, once. */
export interface ClosableTransport extends Transport {
  destroy: () => Promise<void>
}

/** Creates the transport. It opens no connection before the first request. */
export function createTransport ({ clock = systemClock, connect, connectTimeoutMs, forwardProxy, noKeepAlive = false, maxConnections, origin }: TransportOptions): ClosableTransport {
  const isForwarded = forwardProxy !== undefined && origin.startsWith('http:')
  // tinyproxy closes after a response without announcing it: a charged call must not be lost on such a stale connection.
  const pool = new ConnectionPool({ origin: new URL(origin), connect, maxConnections, waitTimeoutMs: connectTimeoutMs, noKeepAlive: noKeepAlive || isForwarded, clock })
  if (!isForwarded) return pool
  const { send } = throughForwardProxy(origin, pool, forwardProxy)
  return { send, destroy: async () => { await pool.destroy() } }
}
