/**
 * Eviction: which connection makes room for a new one when the connection limit is reached. A request that is being relayed is never given
 * up, because AMSU may have charged it.
 */
import type { Socket } from 'node:net'
import type { ClientConnection } from './client-connection.ts'

/** What eviction asks of a connection. */
type Evictable = Pick<ClientConnection, 'isBusy' | 'isWaitingForClient'>

/**
 * Chooses the connection to close: the oldest without a request in flight, which may be in its TLS handshake; else the oldest whose local
 * request waits for its client, because an unknown client could hold all connections that way; else the newest.
 *
 * @param sockets all connections, the oldest first
 * @param newest the connection that needs room; it has no owner yet
 */
export function chooseEvicted (sockets: Iterable<Socket>, newest: Socket, ownerOf: (socket: Socket) => Evictable | undefined): Socket {
  let waiting: Socket | undefined
  for (const socket of sockets) {
    if (socket === newest) continue
    const owner = ownerOf(socket)
    if (owner?.isBusy !== true) return socket
    if (owner.isWaitingForClient) waiting ??= socket
  }
  return waiting ?? newest
}
