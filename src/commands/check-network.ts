/**
 * The steps of `check` below HTTP: forward proxy, DNS, TCP and TLS. They use the connector of the proxy, so that what works here
 * works there.
 */
import { lookup } from 'node:dns/promises'
import net from 'node:net'
import type { TLSSocket } from 'node:tls'
import { delay, type Clock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { codeOf } from '../errors.ts'
import { createApiClient, type ApiClient } from '../upstream/api-client.ts'
import { createConnector, type Connector } from '../upstream/connector.ts'
import { ForwardProxyError, type ForwardProxy } from '../upstream/forward-proxy.ts'
import { openTunnel } from '../upstream/tunnel.ts'
import { connectionFailure, forwardProxyRejection, tlsFailure, type CheckTarget } from './check-advice.ts'
import type { StepOutcome } from './check-report.ts'

/** A certificate that expires within this many days is worth a note. */
const SOON_DAYS = 14

const DAY_MS = 86_400_000

/** What every step needs. */
export interface CheckContext {
  readonly config: Config
  readonly clock: Clock
  /** Resolves a name as the connections of this program do. @default the system's resolver */
  readonly lookup?: (host: string) => Promise<ReadonlyArray<{ readonly address: string }>>
  /** HTTP_PROXY or HTTPS_PROXY is set. */
  readonly hasForeignProxySetting: boolean
}

/** AMSU's host without brackets, and port. */
interface Place { readonly host: string, readonly port: number }

/** Checks that AMSU's host name has addresses. */
export async function checkDns (context: CheckContext): Promise<StepOutcome> {
  const { host } = placeOf(context)
  const { lookupName } = context.config.amsu
  if (net.isIP(host) !== 0) return { status: 'ok', found: `${host} is an IP address`, data: { host, addresses: [host] } }
  const resolve = context.lookup ?? (async name => await lookup(name, { all: true }))
  try {
    const found = await inTime(resolve(lookupName), context)
    const addresses = found.map(({ address }) => address)
    return { status: 'ok', found: `${host} resolves to ${addresses.join(', ')}`, data: { host, addresses } }
  } catch (error) {
    const code = failureCode(error)
    return connectionFailure(code === 'ETIMEDOUT' ? 'EAI_AGAIN' : code, { ...connectTargetOf(context), place: host })
  }
}

/** Checks that AMSU's port accepts connections. */
export async function checkTcp (context: CheckContext): Promise<StepOutcome> {
  const place = placeOf(context)
  const socket = net.connect({ host: context.config.amsu.lookupName, port: place.port })
  try {
    await inTime(new Promise<void>((resolve, reject) => { socket.once('connect', resolve).once('error', reject) }), context)
    const { remoteAddress: address = '' } = socket
    return { status: 'ok', found: `connected to ${nameOf({ host: address, port: place.port })}`, data: { address, port: place.port } }
  } catch (error) {
    return connectionFailure(failureCode(error), connectTargetOf(context))
  } finally {
    socket.on('error', () => {}).destroy()
  }
}

/** Checks AMSU's certificate, directly or through a tunnel. */
export async function checkTls (context: CheckContext): Promise<StepOutcome> {
  const { config: { amsu }, clock } = context
  const { host, port } = placeOf(context)
  const connect = connectorOf(context)
  try {
    const socket = await new Promise<TLSSocket>((resolve, reject) => {
      connect({ protocol: 'https:', hostname: host, host: new URL(amsu.origin).host, port: String(port) }, (error, made) => {
        if (error === null) resolve(made as TLSSocket)
        else reject(error)
      })
    })
    const { issuer, valid_to: validTo } = socket.getPeerCertificate()
    const protocol = socket.getProtocol()
    socket.on('error', () => {}).destroy()
    const daysLeft = Math.floor((Date.parse(validTo) - clock.wall()) / DAY_MS)
    const name = String(issuer.O ?? issuer.CN)
    const found = `${String(protocol)}, certificate of ${name}, expires in ${daysLeft} days`
    const data = { protocol, issuer: name, validTo: new Date(validTo).toISOString(), daysLeft }
    return daysLeft >= SOON_DAYS ? { status: 'ok', found, data } : { status: 'note', found, advice: 'AMSU must renew its certificate before it expires', data }
  } catch (error) {
    return error instanceof ForwardProxyError ? forwardProxyFailure(error, context) : tlsFailure(failureCode(error), connectTargetOf(context))
  }
}

/** Checks that the forward proxy lets the proxy through: with a tunnel for https, with a request without a token for http. */
export async function checkForwardProxy (context: CheckContext, forwardProxy: ForwardProxy): Promise<StepOutcome> {
  const { config: { amsu, relay } } = context
  const data = { address: nameOf(forwardProxy) }
  try {
    if (amsu.origin.startsWith('https:')) {
      const socket = await openTunnel(forwardProxy, nameOf(placeOf(context)), AbortSignal.timeout(relay.connectTimeoutMs), relay)
      socket.destroy()
      return { status: 'ok', found: `${data.address} opens a tunnel to AMSU`, data }
    }
    const { status, isJson } = await requestThroughProxy(context)
    const isItsOwn = !isJson && (status === 403 || status >= 500)
    return isItsOwn ? forwardProxyRejection(status, forwardProxy.authorization !== undefined) : { status: 'ok', found: `${data.address} forwards requests to AMSU`, data }
  } catch (error) {
    return error instanceof ForwardProxyError ? forwardProxyFailure(error, context) : connectionFailure(failureCode(error), forwardProxyTargetOf(context))
  }
}

/** Checks whether requests pass the forward proxy. It sends one without a token, which AMSU rejects and does not charge. */
async function requestThroughProxy (context: CheckContext): Promise<{ status: number, isJson: boolean }> {
  const client = apiClientOf(context)
  try {
    const { status, headers } = await client.request({ method: 'GET', path: '/amsu-analysis/v2/available-times', headers: [], signal: AbortSignal.timeout(context.config.token.requestTimeoutMs) })
    return { status, isJson: String(headers['content-type']).includes('json') }
  } finally {
    await client.destroy()
  }
}

function connectorOf ({ config: { amsu, relay } }: CheckContext): Connector {
  return createConnector({ ...amsu, ...relay, certificateAuthority: () => amsu.certificateAuthority })
}

/** Creates a client for AMSU's API with the same options as the proxy's. */
export function apiClientOf (context: CheckContext): ApiClient {
  const { amsu, relay: { connectTimeoutMs } } = context.config
  return createApiClient({ ...amsu, connectTimeoutMs, connect: connectorOf(context), maxConnections: 1 })
}

function forwardProxyFailure ({ status, cause }: ForwardProxyError, context: CheckContext): StepOutcome {
  const { authorization } = context.config.amsu.forwardProxy as ForwardProxy
  return status === undefined ? connectionFailure(failureCode(cause), forwardProxyTargetOf(context)) : forwardProxyRejection(status, authorization !== undefined)
}

async function inTime<T> (work: Promise<T>, { config, clock }: CheckContext): Promise<T> {
  const late = delay(config.relay.connectTimeoutMs, clock).then(() => { throw Object.assign(new Error('late'), { code: 'ETIMEDOUT' }) })
  return await Promise.race([work, late])
}

/** The code of an error; its name if it has no code, as with a timeout by signal. */
export function failureCode (error: unknown): string {
  const code = codeOf(error)
  return code === '' && error instanceof Error ? error.name : code
}

function placeOf ({ config: { amsu } }: CheckContext): Place {
  const { protocol, hostname, port } = new URL(amsu.origin)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}

/** What the advice needs when a step connects to AMSU itself. */
export function connectTargetOf (context: CheckContext): CheckTarget {
  return { setting: 'AMSU_BASE_URL', place: nameOf(placeOf(context)), hasForeignProxySetting: context.hasForeignProxySetting }
}

/** What the advice needs when a step connects to the forward proxy. */
export function forwardProxyTargetOf ({ config: { amsu }, hasForeignProxySetting }: CheckContext): CheckTarget {
  return { setting: 'AMSU_HTTP_PROXY', place: nameOf(amsu.forwardProxy as ForwardProxy), hasForeignProxySetting }
}

function nameOf ({ host, port }: Place): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
