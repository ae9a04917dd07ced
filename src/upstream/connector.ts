/**
 * Opens connections to AMSU: by TLS or not, directly or through a forward proxy.
 */
import net, { type LookupFunction, type Socket } from 'node:net'
import { systemClock, type Clock } from '../clock.ts'
import { ConnectAttempt, type Connector, type ConnectTarget, type Explain } from './connect-attempt.ts'
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'
import { createTlsClient } from './tls-client.ts'
import { authorityOf, KEEP_ALIVE_DELAY_MS, openTunnel } from './tunnel.ts'

export type { ConnectCallback, Connector, ConnectTarget } from './connect-attempt.ts'

/** Bytes that wait in a socket, either way, before it asks for a pause: the default of Node 22 and later. */
const HIGH_WATER_MARK = 65_536

export interface ConnectorOptions {
  /** Limit for all of it, DNS and the TLS handshake included, in milliseconds. */
  readonly connectTimeoutMs: number
  /** Certificate authorities beside the root certificates, as PEM; asked for each connection, so they can change. */
  readonly certificateAuthority: () => string | undefined
  /** The only way to AMSU, where there is one. */
  readonly forwardProxy: ForwardProxy | undefined
  /** The name to look up, where it is not the host name itself: with a final dot it is absolute for DNS. @default the target's */
  readonly lookupName?: string
  /** Finds the addresses of a name. @default the system's resolver */
  readonly lookup?: LookupFunction
  /** @default systemClock */
  readonly clock?: Clock
}

/** Creates what opens connections to AMSU. TLS sessions are resumed from one connection to the next. */
export function createConnector (options: ConnectorOptions): Connector {
  const { certificateAuthority, clock = systemClock, connectTimeoutMs: timeoutMs, forwardProxy } = options
  const secure = createTlsClient(certificateAuthority)
  const explain = forwardProxy === undefined ? asItIs : blameForwardProxy
  return (target, callback) => {
    const attempt = new ConnectAttempt({ callback, clock, explain, timeoutMs })
    const isSecure = target.protocol === 'https:'

    function startTls (socket: Socket): void {
      const secured = secure(socket, target)
      // A certificate that does not hold is AMSU's, whoever carries it.
      attempt.watch(secured, asItIs)
      secured.once('secureConnect', () => { attempt.succeed(secured) })
    }

    function onOpen (socket: Socket): void {
      if (isSecure) attempt.step(() => { startTls(socket) })
      else attempt.succeed(socket)
    }

    attempt.step(() => {
      if (isSecure && forwardProxy !== undefined) digTunnel(attempt, forwardProxy, target, onOpen)
      else openTcp(attempt, placeOf(target, options), options, onOpen)
    })
  }
}

/** A host and a port to connect to. */
interface Place { readonly host: string, readonly port: number }

function placeOf ({ hostname, port, protocol }: ConnectTarget, { forwardProxy, lookupName = hostname }: ConnectorOptions): Place {
  return forwardProxy ?? { host: lookupName, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}

function openTcp (attempt: ConnectAttempt, { host, port }: Place, { connectTimeoutMs, lookup }: ConnectorOptions, onOpen: (socket: Socket) => void): void {
  const socket = net.connect({
    host,
    port,
    highWaterMark: HIGH_WATER_MARK,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    // One address after the other (RFC 8305). Node gives one up after 250 ms: less than a round trip on a slow line.
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: Math.ceil(connectTimeoutMs / 2),
    ...(lookup === undefined ? {} : { lookup }),
  } as net.NetConnectOpts)
  attempt.watch(socket)
  socket.once('connect', () => { onOpen(socket) })
}

function digTunnel (attempt: ConnectAttempt, forwardProxy: ForwardProxy, target: ConnectTarget, onOpen: (socket: Socket) => void): void {
  openTunnel(forwardProxy, authorityOf(target), attempt.signal).then(socket => {
    attempt.watch(socket)
    onOpen(socket)
  }, (error: Error) => { attempt.fail(error) })
}

const asItIs: Explain = error => error

const blameForwardProxy: Explain = error => new ForwardProxyError(undefined, error)
