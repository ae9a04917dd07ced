/**
 * TCP connections to AMSU or to the forward proxy.
 */
import net, { type LookupFunction, type Socket } from 'node:net'

/** A silent connection is probed after this long, in milliseconds. */
const KEEP_ALIVE_DELAY_MS = 60_000

/** Bytes that a socket buffers in each direction before backpressure: the default of Node 22 and later. */
const HIGH_WATER_MARK = 65_536

/** A host and a port to connect to. */
export interface Address { readonly host: string, readonly port: number }

export interface TcpOptions {
  /** The connect timeout, in milliseconds: two addresses of the host can be tried within it. @default Node's own limit for each address */
  readonly connectTimeoutMs?: number
  /** Resolves a name. @default the system's resolver */
  readonly lookup?: LookupFunction
}

/** Opens a connection; the caller must listen for its `error`. */
export function connectTcp ({ host, port }: Address, { connectTimeoutMs, lookup }: TcpOptions): Socket {
  return net.connect({
    host,
    port,
    highWaterMark: HIGH_WATER_MARK,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    // Tries the addresses one after the other (RFC 8305). Node's default of 250 ms each is less than a round trip on a slow line.
    autoSelectFamily: true,
    ...(connectTimeoutMs === undefined ? {} : { autoSelectFamilyAttemptTimeout: Math.ceil(connectTimeoutMs / 2) }),
    ...(lookup === undefined ? {} : { lookup }),
  } as net.NetConnectOpts)
}
