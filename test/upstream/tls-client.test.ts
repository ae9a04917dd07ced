import { test, type Test } from 'tap'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls, { type TlsOptions, type TLSSocket } from 'node:tls'
import { createConnector, type Connector, type ConnectorOptions } from '../../src/upstream/connector.ts'
import { startForwardProxy } from '../support/forward-proxy.ts'
import { CA, readPair, type PairName } from '../support/tls.ts'
import { startTcp } from '../support/upstream.ts'

/** Invalid certificates, and the error code of OpenSSL or Node for each. */
const FAULTS: ReadonlyArray<readonly [PairName, string]> = [['self-signed', 'DEPTH_ZERO_SELF_SIGNED_CERT'], ['wrong-name', 'ERR_TLS_CERT_ALTNAME_INVALID'], ['expired', 'CERT_HAS_EXPIRED']]

/** A TLS server that sends one byte after the handshake; the SNI names and the number of bytes it received. */
async function startServer (t: Test, pair: PairName, options: TlsOptions = {}): Promise<{ port: number, names: unknown[], heard: () => number }> {
  const names: unknown[] = []
  let heard = 0
  const server = tls.createServer({ ...readPair(pair), ...options }, socket => {
    names.push(socket.servername)
    socket.on('error', () => {}).on('data', bytes => { heard += bytes.length }).write('x')
    t.teardown(() => { socket.destroy() })
  })
  server.on('tlsClientError', () => {})
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => { server.close() })
  return { port: (server.address() as AddressInfo).port, names, heard: () => heard }
}

function connectorWith (options: Partial<ConnectorOptions> = {}): Connector {
  return createConnector({ connectTimeoutMs: 10_000, certificateAuthority: () => CA, forwardProxy: undefined, ...options })
}

/** Connects, writes and reads a byte, so that there is a session; rejects as the connector does. */
async function connect (connector: Connector, port: number, hostname = '127.0.0.1'): Promise<{ isResumed: boolean, protocol: string | false | null }> {
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    connector({ protocol: 'https:', host: `${hostname}:${port}`, hostname, port: String(port) }, (error, made) => { if (error === null) resolve(made as TLSSocket); else reject(error) })
  })
  socket.write('secret')
  await once(socket, 'data')
  const found = { isResumed: socket.isSessionReused(), protocol: socket.alpnProtocol }
  socket.destroy()
  return found
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a certificate that does not hold is rejected by its code, the second time too, when there might be a session (${maxVersion})`, async t => {
    for (const [pair, code] of FAULTS) {
      const { port, heard } = await startServer(t, pair, { maxVersion })
      const connector = connectorWith()
      for (let i = 0; i < 3; i++) await t.rejects(connect(connector, port), { code }, pair)
      t.equal(heard(), 0, pair)
    }
  })

  test(`a session is resumed by the next connection to the same host (${maxVersion})`, async t => {
    const { port, heard } = await startServer(t, 'server', { maxVersion })
    const connector = connectorWith()
    t.strictSame([(await connect(connector, port)).isResumed, (await connect(connector, port)).isResumed, (await connect(connector, port, 'localhost')).isResumed], [false, true, false])
    t.ok(heard() > 0)
  })
}

test('an authority that is replaced counts from the next connection on, and no session outlives its trust', async t => {
  const { port } = await startServer(t, 'server')
  let authority: string | undefined = CA
  const connector = connectorWith({ certificateAuthority: () => authority })
  await connect(connector, port)
  for (authority of [readPair('self-signed').cert, undefined]) await t.rejects(connect(connector, port), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  authority = CA
  t.notOk((await connect(connector, port)).isResumed)
})

test('SNI is sent for names only, and without the final dot that is there for DNS', async t => {
  const { port, names } = await startServer(t, 'server')
  const lookups: string[] = []
  const lookup: ConnectorOptions['lookup'] = (name, _options, callback) => { lookups.push(name); callback(null, [{ address: '127.0.0.1', family: 4 }]) }
  await connect(connectorWith({ lookup }), port)
  await connect(connectorWith({ lookup, lookupName: 'localhost.' }), port, 'localhost')
  t.strictSame(names, [false, 'localhost'])
  t.strictSame(lookups, ['localhost.'])
})

test('HTTP/1.1 is offered and nothing else, and a server that knows no ALPN will do', async t => {
  const speaking = await startServer(t, 'server', { ALPNProtocols: ['h2', 'http/1.1'] })
  t.equal((await connect(connectorWith(), speaking.port)).protocol, 'http/1.1')
  const silent = await startServer(t, 'server')
  t.equal((await connect(connectorWith(), silent.port)).protocol, false)
})

test('a broken handshake is reported with its code, and one that never ends by the timeout', async t => {
  let closed: Promise<unknown> | undefined
  for (const [onConnection, code] of [
    [(socket: NodeJS.Socket) => { socket.once('data', () => { (socket as TLSSocket).resetAndDestroy() }) }, 'ECONNRESET'],
    [(socket: NodeJS.Socket) => { socket.once('data', () => { socket.end() }) }, 'ECONNRESET'],
    [(socket: NodeJS.Socket) => { socket.once('data', () => { socket.end('HTTP/1.1 400 Bad Request\r\n\r\n') }) }, /^(?:ERR_SSL_|EPROTO)/],
    [(socket: NodeJS.Socket) => { closed = once(socket.resume(), 'close') }, 'ERR_CONNECT_TIMEOUT'],
  ] as const) {
    const { port, close } = await startTcp(onConnection)
    t.teardown(close)
    await t.rejects(connect(connectorWith({ connectTimeoutMs: code === 'ERR_CONNECT_TIMEOUT' ? 300 : 10_000 }), port), { code })
  }
  await closed
})

test('through a tunnel the certificate is verified from here to AMSU, and a session is resumed', async t => {
  const forward = await startForwardProxy()
  t.teardown(forward.close)
  const forwardProxy = { host: '127.0.0.1', port: forward.port, authorization: undefined, secret: undefined }
  const { port } = await startServer(t, 'server')
  const connector = connectorWith({ forwardProxy })
  t.strictSame([(await connect(connector, port)).isResumed, (await connect(connector, port)).isResumed], [false, true])
  for (const [pair, code] of FAULTS) {
    const bad = await startServer(t, pair)
    await t.rejects(connect(connectorWith({ forwardProxy }), bad.port), { code }, pair)
  }
  t.equal(forward.asked.length, 5)
})
