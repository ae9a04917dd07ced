/**
 * The certificates of test/fixtures/tls, callers that trust them, and an https front for an upstream.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import net, { type AddressInfo, type Socket } from 'node:net'
import tls from 'node:tls'

/** `server` and `second` are good; the others each have the fault of their name. */
export type PairName = 'server' | 'second' | 'self-signed' | 'wrong-name' | 'expired'

/** The path of a file of test/fixtures/tls. */
export function pemPath (file: string): string {
  return new URL(`../fixtures/tls/${file}`, import.meta.url).pathname
}

/** The authority that has signed all but the self-signed certificate. */
export const CA_PATH = pemPath('ca.pem')
export const CA = readFileSync(CA_PATH, 'utf8')

/** A certificate and its key, as PEM. */
export function readPair (name: PairName): { cert: string, key: string } {
  return { cert: readFileSync(pemPath(`${name}.pem`), 'utf8'), key: readFileSync(pemPath(`${name}-key.pem`), 'utf8') }
}

/** An agent of a caller that trusts the test authority. */
export function trustingAgent (options: https.AgentOptions = {}): https.Agent {
  return new https.Agent({ ca: CA, ...options })
}

/** Makes a TLS connection and resolves to it; rejects when the handshake fails. */
export async function connectTls (port: number, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', ca: CA, ...options })
  await once(socket, 'secureConnect')
  return socket
}

/** The name in the certificate a server shows to a new connection. */
export async function shownName (port: number, options: tls.ConnectionOptions = {}): Promise<string> {
  const socket = await connectTls(port, options)
  const { subject: { CN } } = socket.getPeerCertificate()
  socket.destroy()
  return String(CN)
}

/** An https origin before a plain upstream. */
export interface TlsFront {
  readonly origin: string
  readonly port: number
  /** What has arrived through TLS so far, from all connections, decrypted. */
  readonly text: () => string
  /** TCP connections so far. */
  readonly connections: () => number
  /** Shows another certificate from now on, and ends all connections; resolves when the other side has noticed. */
  swap: (name: PairName) => Promise<void>
  close: () => Promise<void>
}

/** Starts an https front with a certificate before `upstream`. */
export async function startTlsFront (upstream: { origin: string }, name: PairName): Promise<TlsFront> {
  const chunks: Buffer[] = []
  const secured = new Set<Socket>()
  const all = new Set<Socket>()
  let connections = 0
  const server = tls.createServer(readPair(name), socket => {
    track(socket, secured)
    const behind = net.connect(Number(new URL(upstream.origin).port), '127.0.0.1')
    track(behind, all)
    socket.on('data', chunk => chunks.push(chunk))
    socket.pipe(behind).pipe(socket)
  })
  server.on('connection', socket => {
    connections++
    track(socket, all)
  })
  server.on('tlsClientError', () => {}) // a client that does not trust the certificate hangs up
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `https://127.0.0.1:${port}`,
    port,
    text: () => Buffer.concat(chunks).toString('latin1'),
    connections: () => connections,
    async swap (next) {
      server.setSecureContext(readPair(next))
      await Promise.all([...secured].map(async socket => {
        const closed = once(socket, 'close')
        socket.end()
        await closed
      }))
    },
    async close () {
      for (const socket of [...all, ...secured]) socket.destroy()
      await new Promise<void>(resolve => server.close(() => { resolve() }))
    },
  }
}

function track (socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket)
  socket.on('error', () => {})
  socket.on('close', () => sockets.delete(socket))
}
