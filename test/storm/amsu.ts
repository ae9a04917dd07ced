/** A stand-in for AMSU that misbehaves as each request tells it to, and records what arrived. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { AmsuConnection } from './amsu-connection.ts'
import type { AmsuFault } from './amsu-fault.ts'
import type { Arrival } from './request-ledger.ts'

/** Told of every request that arrives, when its head is whole; returns how often it has. */
export type ArrivalListener = (id: string, arrival: Arrival) => number

/** A stand-in that listens. */
export class Amsu {
  readonly #tokenLifeSeconds: number
  readonly #onArrival: ArrivalListener
  readonly #connections = new Set<AmsuConnection>()
  #server: Server | undefined
  #port = 0
  #issued = 0
  /** Ids of requests whose response was written behind unsolicited bytes: it may be taken for that of the next one. */
  readonly displaced = new Set<string>()
  /** When unsolicited bytes were written. */
  readonly unaskedAt: number[] = []
  /** When a token was refused last. */
  refusedAt = -Infinity
  /** The newest token that is refused, with all before it; by its number. */
  revokedUpTo = 0
  /** Told when a request with a rejected token is whole; it is refused when this resolves. */
  onRefused: () => Promise<void> = async () => {}

  constructor (tokenLifeSeconds: number, onArrival: ArrivalListener) {
    this.#tokenLifeSeconds = tokenLifeSeconds
    this.#onArrival = onArrival
  }

  /** e.g. `http://127.0.0.1:41234` */
  get origin (): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Open connections. */
  get connections (): number {
    return this.#connections.size
  }

  /** Accepts connections, always on the same port. */
  async up (): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => { this.#accept(socket) })
    for (let tries = 0; ; tries++) {
      server.listen(this.#port, '127.0.0.1')
      try {
        await once(server, 'listening')
        break
      } catch (error) {
        if (tries === 50) throw error
        await new Promise(resolve => { setTimeout(resolve, 50) })
      }
    }
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Refuses new connections from now on; breaks those there are if told so. */
  down (isBreaking: boolean): void {
    this.#server?.close()
    this.#server = undefined
    if (isBreaking) this.breakAll()
  }

  /** Breaks every connection. */
  breakAll (how: AmsuFault['how'] = 'reset'): void {
    for (const connection of this.#connections) connection.end(how)
  }

  /** From now on all tokens that were issued before are refused. */
  revoke (): void {
    this.revokedUpTo = this.#issued
  }

  /** Issues a token. */
  grant (): string {
    const number = ++this.#issued
    return JSON.stringify({ access_token: `storm-access-${number}`, token_type: 'bearer', expires_in: this.#tokenLifeSeconds, refresh_token: `storm-refresh-${number}` })
  }

  #accept (socket: Socket): void {
    const connection = new AmsuConnection(socket, this, this.#onArrival)
    this.#connections.add(connection)
    socket.on('error', () => {})
    socket.once('close', () => { this.#connections.delete(connection) })
    connection.start()
  }
}
