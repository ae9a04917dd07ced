/**
 * Opens connections to AMSU: DNS, TCP and TLS, directly or through a forward proxy.
 */
import net, { type LookupFunction, type Socket } from 'node:net'
import { systemClock, type Clock } from '../clock.ts'
import { ConnectAttempt, type Connector, type ConnectTarget, type Explain } from './connect-attempt.ts'
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'
import { createTlsClient } from './tls-client.ts'
import { authorityOf, KEEP_ALIVE_DELAY_MS, openTunnel } from './tunnel.ts'

export type { ConnectCallback, Connector, ConnectTarget } from './connect-attempt.ts'

/** Bytes that a socket buffers in each direction before backpressure: the default of Node 22 and later. */
const HIGH_WATER_MARK = 65_536

export interface ConnectorOptions {
  /** Limit for all steps together, DNS and the TLS handshake included, in milliseconds. */
  readonly connectTimeoutMs: number
  /** Certificate authorities in addition to the root certificates, as PEM. Read for each connection, so they can change. */
  readonly certificateAuthority: () => string | undefined
  /** The forward proxy that all connections use, if one is set. */
  readonly forwardProxy: ForwardProxy | undefined
  /** The name to resolve if it is not the host name itself: with a final dot it is absolute for DNS. @default the target's host name */
  readonly lookupName?: string
  /** Resolves a name. @default the system's resolver */
  readonly lookup?: LookupFunction
  /** @default systemClock */
  readonly clock?: Clock
}

/** Creates a connector. TLS sessions are resumed from one connection to the next. */
export function createConnector (options: ConnectorOptions): Connector {
  const { certificateAuthority, clock = systemClock, connectTimeoutMs: timeoutMs, forwardProxy } = options
  const secure = createTlsClient(certificateAuthority)
  const explain = forwardProxy === undefined ? unchanged : asForwardProxyError
  return (target, callback) => {
    const attempt = new ConnectAttempt({ callback, clock, explain, timeoutMs })
    const isSecure = target.protocol === 'https:'

    function startTls (socket: Socket): void {
      const secured = secure(socket, target)
      // An invalid certificate is AMSU's, even if the connection goes through a forward proxy.
      attempt.watch(secured, unchanged)
      secured.once('secureConnect', () => { attempt.succeed(secured) })
    }

    function onOpen (socket: Socket): void {
      if (isSecure) attempt.step(() => { startTls(socket) })
      else attempt.succeed(socket)
    }

    attempt.step(() => {
      if (isSecure && forwardProxy !== undefined) startTunnel(attempt, forwardProxy, target, onOpen)
      else openTcp(attempt, addressOf(target, options), options, onOpen)
    })
  }
}

/** A host and a port to connect to. */
interface Address { readonly host: string, readonly port: number }

function addressOf ({ hostname, port, protocol }: ConnectTarget, { forwardProxy, lookupName = hostname }: ConnectorOptions): Address {
  return forwardProxy ?? { host: lookupName, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}

function openTcp (attempt: ConnectAttempt, { host, port }: Address, { connectTimeoutMs, lookup }: ConnectorOptions, onOpen: (socket: Socket) => void): void {
  const socket = net.connect({
    host,
    port,
    highWaterMark: HIGH_WATER_MARK,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    // Tries the addresses one after the other (RFC 8305). Node's default of 250 ms each is less than a round trip on a slow line.
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: Math.ceil(connectTimeoutMs / 2),
    ...(lookup === undefined ? {} : { lookup }),
  } as net.NetConnectOpts)
  attempt.watch(socket)
  socket.once('connect', () => { onOpen(socket) })
}

function startTunnel (attempt: ConnectAttempt, forwardProxy: ForwardProxy, target: ConnectTarget, onOpen: (socket: Socket) => void): void {
  openTunnel(forwardProxy, authorityOf(target), attempt.signal).then(socket => {
    attempt.watch(socket)
    onOpen(socket)
  }, (error: Error) => { attempt.fail(error) })
}

const unchanged: Explain = error => error

const asForwardProxyError: Explain = error => new ForwardProxyError(undefined, error)
