/**
 * The way to AMSU for what is relayed: its own connections, with everything that depends on where AMSU is.
 */
import { systemClock, type Clock } from '../clock.ts'
import { ConnectionPool } from './connection-pool.ts'
import { createConnector, type ConnectorOptions } from './connector.ts'
import type { Transport } from './delivery.ts'
import { throughForwardProxy } from './through-forward-proxy.ts'

export interface TransportOptions extends ConnectorOptions {
  readonly maxConnections: number
  /** Tells the age of connections. @default systemClock */
  readonly clock?: Clock
}

/** A transport that is closed once. */
export interface ClosableTransport extends Transport {
  destroy: () => Promise<void>
}

/** Creates the way; nothing is opened before the first request. */
export function createTransport (options: TransportOptions): ClosableTransport {
  const { clock = systemClock, connectTimeoutMs, forwardProxy, maxConnections, origin } = options
  const isForwarded = forwardProxy !== undefined && origin.startsWith('http:')
  // tinyproxy closes after an answer without saying so, and a charged call must not be lost to a connection that looks alive.
  const pool = new ConnectionPool({ origin: new URL(origin), connect: createConnector(options), maxConnections, waitTimeoutMs: connectTimeoutMs, isOneShot: isForwarded, clock })
  if (!isForwarded) return pool
  const { send } = throughForwardProxy(origin, pool, forwardProxy)
  return { send, destroy: async () => { await pool.destroy() } }
}
