/**
 * A recording TCP proxy between amsu-proxy and AMSU: passes every byte on unchanged, learns the tokens from the responses, and notes
 * which secrets went by. So the demo knows what it must not find on the app's side, and that its search would find it.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** Longer than any token, so that one which is cut in two by a chunk's end is still heard. */
const memoryCharacters = 1_024
/** A token in the response to a token call. */
const tokenPattern = /"(access|refresh)_token":"([^"]+)"/g

/** A TCP fault proxy that listens. */
export interface Wire {
  /** Where it begins, such as `http://127.0.0.1:40123`. */
  readonly origin: string
  /** All secrets by their values: those named at the start, and the tokens heard since; each with its name. */
  readonly secrets: ReadonlyMap<string, string>
  /** Those of the secrets that went by. */
  readonly heard: ReadonlySet<string>
  close: () => Promise<void>
}

/** Lays a wire to `target`; `credentials` are the secrets that are known before any byte, by name. */
export async function layWire (target: string, credentials: Record<string, string>): Promise<Wire> {
  const secrets = new Map(Object.entries(credentials).map(([name, value]) => [value, name]))
  const heard = new Set<string>()
  const sockets = new Set<Socket>()
  const { hostname, port } = new URL(target)

  const server = createServer({ allowHalfOpen: true, noDelay: true }, near => {
    const far = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true })
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from)
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.on('error', () => { to.destroy() })
      from.on('data', createEar(secrets, heard))
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    secrets,
    heard,
    async close () {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function createEar (secrets: Map<string, string>, heard: Set<string>): (chunk: Buffer) => void {
  let memory = ''
  return chunk => {
    memory += chunk.toString('latin1')
    for (const [, kind, token] of memory.matchAll(tokenPattern)) {
      if (!secrets.has(token!)) secrets.set(token!, `${kind} token ${1 + [...secrets.values()].filter(name => name.startsWith(kind!)).length}`)
    }
    for (const secret of secrets.keys()) if (memory.includes(secret)) heard.add(secret)
    memory = memory.slice(-memoryCharacters)
  }
}
