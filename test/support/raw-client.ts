/**
 * A client below HTTP that reads when it is told to, and the proxy's end of its connection.
 */
import type { Test } from 'tap'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import type { Proxy } from './proxy.ts'
import { CA, pemPath } from './tls.ts'
import { until } from './until.ts'

/** How a client reaches the proxy. */
export type Transport = 'TCP' | 'TLS' | 'a unix socket'

/** All of them. */
export const TRANSPORTS: readonly Transport[] = ['TCP', 'TLS', 'a unix socket']

/** A client whose side stays open when the proxy ends its own. */
export interface RawClient {
  readonly socket: net.Socket
  /** What it has read so far. */
  readonly text: () => string
  /** How the connection has ended so far: the proxy's end, a reset, the close. */
  readonly events: string[]
  /** Reads to the end, ends its own side too, and resolves to all that it has read. */
  readonly readAll: () => Promise<string>
  /** Reads to the end, and tells whether that was a reset. */
  readonly isReset: () => Promise<boolean>
}

/** The settings of a proxy that listens on this transport. */
export function listenOn (t: Test, transport: Transport): Record<string, string> {
  if (transport === 'TLS') return { TLS_CERT_FILE: pemPath('server.pem'), TLS_KEY_FILE: pemPath('server-key.pem') }
  if (transport === 'TCP') return {}
  const dir = mkdtempSync(join(tmpdir(), 'amsu-'))
  t.teardown(() => { rmSync(dir, { recursive: true, force: true }) })
  return { UNIX_SOCKET: join(dir, 'p.sock') }
}

/** Connects to where a proxy says that it listens. It reads nothing before it is told to. */
export async function connectRaw (t: Test, origin: string): Promise<RawClient> {
  const isTls = origin.startsWith('https:')
  const place = origin.startsWith('unix:') ? { path: origin.slice('unix:'.length) } : { port: Number(new URL(origin).port), host: '127.0.0.1' }
  const options = { ...place, ca: CA, allowHalfOpen: true }
  const socket = isTls ? tls.connect(options) : net.connect(options)
  t.teardown(() => { socket.destroy() })
  const chunks: Buffer[] = []
  const events: string[] = []
  socket.on('error', ({ code }: NodeJS.ErrnoException) => { events.push(String(code)) })
  socket.on('end', () => { events.push('end') }).on('close', () => { events.push('close') })
  await once(socket, isTls ? 'secureConnect' : 'connect')
  socket.on('data', chunk => { chunks.push(chunk) }).pause()
  const text = (): string => Buffer.concat(chunks).toString('latin1')
  async function readAll (): Promise<string> {
    socket.on('end', () => { socket.end() }).resume()
    if (socket.readableEnded) socket.end()
    await until(() => socket.closed)
    return text()
  }
  async function isReset (): Promise<boolean> {
    socket.resume()
    await until(() => socket.readableEnded || socket.closed)
    if (socket.closed) return events.includes('ECONNRESET')
    // Node 20 takes a reset that came while nobody read for an end. Behind an end a byte can be written.
    return await new Promise(resolve => socket.write('x', error => { resolve(error != null) }))
  }
  return { socket, text, events, readAll, isReset }
}

/** Connects to a proxy in this process. @returns the client, and the proxy's end of its connection */
export async function connectBoth (t: Test, { origin, servers }: Pick<Proxy, 'origin' | 'servers'>): Promise<{ client: RawClient, accepted: net.Socket }> {
  const server = servers[0]?.listener.servers[0] as net.Server
  const arrival = once(server, origin.startsWith('https:') ? 'secureConnection' : 'connection') as Promise<[net.Socket]>
  const client = await connectRaw(t, origin)
  return { client, accepted: (await arrival)[0] }
}

/** Status codes of all responses in a text, in their order. */
export function statuses (text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.[01] (\d+) /g)].map(([, status]) => String(status))
}
