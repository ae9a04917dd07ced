/**
 * Ports for programs that cannot choose a free one.
 */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'

/** A loopback port that is free at the moment. */
export async function freePort (): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
