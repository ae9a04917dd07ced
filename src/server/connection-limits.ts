/**
 * Limits of simultaneous client connections: what the memory holds, and what the process's limit of open files leaves. Beyond the latter,
 * the system would fail the proxy's own connections to AMSU, and libuv would close new connections without an event.
 */
import { readFileSync } from 'node:fs'

/**
 * Memory that a connection may take: 140 KiB for an incomplete head of 16 kB with thousands of fields, 60 KiB for the requests
 * of its share ({@link SHARE_FIELDS}), and the sockets on both sides.
 */
const CONNECTION_BYTES = 262_144

/** The part of the old space that connections may take. The program itself takes 8 to 14 MiB. */
const CONNECTIONS_PART = 1 / 2

/** Open files of the program itself: 21 when it has started, those of other listeners, of token calls, and files that are being read. */
const OWN_DESCRIPTORS = 32

/** Below this, nobody could be served. */
const MIN_CONNECTIONS = 4

/** Enough for health checks, metrics and the status page. */
const MAX_ADMIN_CONNECTIONS = 32

/** The limit of each listener: together they stay within what the process can hold. */
export interface ConnectionLimits { readonly main: number, readonly admin: number }

/** What the limits depend on. */
export interface LimitInputs {
  /** Limit of connections to AMSU. */
  readonly upstreamConnections: number
  readonly hasAdmin: boolean
  /** Size of V8's old space. */
  readonly oldSpaceBytes: number
  /** The process's limit of open files. */
  readonly descriptors?: number
}

/** Returns the limits of the listeners. */
export function connectionLimits ({ descriptors = descriptorLimit(), hasAdmin, oldSpaceBytes, upstreamConnections }: LimitInputs): ConnectionLimits {
  const forBoth = Math.max(0, descriptors - OWN_DESCRIPTORS)
  // A client connection has at most one request in flight, and so needs at most one connection to AMSU.
  const byDescriptors = forBoth - Math.min(upstreamConnections, Math.ceil(forBoth / 2))
  const all = Math.max(MIN_CONNECTIONS, Math.min(Math.floor(oldSpaceBytes * CONNECTIONS_PART / CONNECTION_BYTES), byDescriptors))
  const admin = hasAdmin ? Math.min(MAX_ADMIN_CONNECTIONS, Math.floor(all / 4)) : 0
  return { main: all - admin, admin }
}

/**
 * Returns the process's limit of open files. Node raises it as far as it may when it starts. Only Linux reports it; elsewhere, and without
 * a limit, it is infinite.
 */
export function descriptorLimit (path = '/proc/self/limits'): number {
  try {
    return Number(/^Max open files +(\d+)/m.exec(readFileSync(path, 'latin1'))?.[1] ?? Infinity)
  } catch {
    return Infinity
  }
}
