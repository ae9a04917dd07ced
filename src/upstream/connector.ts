/**
 * Opens connections to AMSU: DNS, TCP and TLS, directly or through a forward proxy.
 */
import type { LookupFunction, Socket } from 'node:net'
import { systemClock, type Clock } from '../clock.ts'
import { ConnectAttempt, type Connector, type ConnectTarget, type Explain } from './connect-attempt.ts'
import { ForwardProxyError, type ForwardProxy } from './forward-proxy.ts'
import { connectTcp, type Address } from './tcp.ts'
import { createTlsClient } from './tls-client.ts'
import { authorityOf, openTunnel } from './tunnel.ts'

export type { ConnectCallback, Connector, ConnectTarget } from './connect-attempt.ts'

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
      if (isSecure && forwardProxy !== undefined) startTunnel(attempt, authorityOf(target), { ...options, forwardProxy }, onOpen)
      else openTcp(attempt, addressOf(target, options), options, onOpen)
    })
  }
}

function addressOf ({ hostname, port, protocol }: ConnectTarget, { forwardProxy, lookupName = hostname }: ConnectorOptions): Address {
  return forwardProxy ?? { host: lookupName, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}

function openTcp (attempt: ConnectAttempt, address: Address, options: ConnectorOptions, onOpen: (socket: Socket) => void): void {
  const socket = connectTcp(address, options)
  attempt.watch(socket)
  socket.once('connect', () => { onOpen(socket) })
}

function startTunnel (attempt: ConnectAttempt, authority: string, { forwardProxy, ...options }: ConnectorOptions & { readonly forwardProxy: ForwardProxy }, onOpen: (socket: Socket) => void): void {
  openTunnel(forwardProxy, authority, attempt.signal, options).then(socket => {
    attempt.watch(socket)
    onOpen(socket)
  }, (error: Error) => { attempt.fail(error) })
}

const unchanged: Explain = error => error

const asForwardProxyError: Explain = error => new ForwardProxyError(undefined, error)
