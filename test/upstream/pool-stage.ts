/**
 * Shared setup of the pool tests: requests that record their events, and a pool in front of a scripted server.
 */
import { ConnectionPool, type ConnectionPoolOptions } from '../../src/upstream/connection-pool.ts'
import { createConnector } from '../../src/upstream/connector.ts'
import type { PendingRequest, RequestHandler, OutgoingRequest } from '../../src/upstream/pending-request.ts'
import type { FramedResponseHead } from '../../src/upstream/response-head.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { startTcp } from '../support/upstream.ts'
import type { Socket } from 'node:net'
import type { Test } from 'tap'

/** One request and its events. */
export class Call implements RequestHandler {
  readonly events: string[] = []
  readonly pieces: Buffer[] = []
  status = 0
  cause: Error | undefined
  /** Its status and body, or the code of its failure. */
  readonly outcome: Promise<string>
  #settle: (outcome: string) => void = () => {}
  pending: PendingRequest | undefined
  /** Further actions at an event, and its return value. */
  readonly on: { connected?: () => boolean, head?: () => void, body?: (piece: Buffer) => boolean, end?: () => void }

  constructor (on: Call['on'] = {}) {
    this.on = on
    this.outcome = new Promise(resolve => { this.#settle = resolve })
  }

  onConnected (isReused: boolean): boolean {
    this.events.push(isReused ? 'reused' : 'fresh')
    return this.on.connected?.() ?? true
  }

  onRequestSent (): void {
    this.events.push('sent')
  }

  onFirstByte (): void {
    this.events.push('started')
  }

  onResponseStart (head: FramedResponseHead): void {
    this.events.push('head')
    this.status = head.status
    this.on.head?.()
  }

  onResponseData (piece: Buffer): boolean {
    this.events.push('body')
    this.pieces.push(piece)
    return this.on.body?.(piece) ?? true
  }

  onResponseEnd (): void {
    this.events.push('end')
    this.on.end?.()
    this.#settle(`${this.status} ${Buffer.concat(this.pieces).toString('latin1')}`)
  }

  onResponseError (cause: Error): void {
    this.events.push('failure')
    this.cause = cause
    this.#settle((cause as { code?: string }).code ?? cause.message)
  }
}

/** A request as the server received it: its target, its connection's number, and how to respond. */
export interface ReceivedRequest {
  readonly target: string
  readonly connection: number
  readonly socket: Socket
  respond: (body?: string, headers?: string) => void
}

export interface Stage {
  readonly pool: ConnectionPool
  readonly clock: FakeClock
  /** The received requests, in order. */
  readonly received: ReceivedRequest[]
  /** Connections made so far. */
  readonly made: Socket[]
  /** Those that are open. */
  open: () => number
  /** Resolves with the nth received request. */
  nth: (n: number) => Promise<ReceivedRequest>
  send: (target: string, on?: Call['on'], request?: Partial<OutgoingRequest>) => Call
}

/** Starts a server that reads heads and lets `script` respond, and a pool in front of it. */
export async function setUp (t: Test, options: Partial<ConnectionPoolOptions> = {}, script: (received: ReceivedRequest) => void = () => {}): Promise<Stage> {
  const received: ReceivedRequest[] = []
  const made: Socket[] = []
  const waiting: Array<() => void> = []
  const server = await startTcp(socket => {
    const connection = made.push(socket) - 1
    let text = ''
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const [, target = ''] = text.split(' ', 2)
        text = text.slice(end + 4)
        const respond: ReceivedRequest['respond'] = (body = `${target} ${connection}`, headers = '') => { socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`) }
        const request = { target, connection, socket, respond }
        received.push(request)
        script(request)
        for (const resolve of waiting.splice(0)) resolve()
      }
    })
  })
  const clock = new FakeClock()
  const origin = new URL(server.origin)
  const connect = createConnector({ connectTimeoutMs: 5_000, certificateAuthority: () => undefined, forwardProxy: undefined })
  const pool = new ConnectionPool({ origin, connect, maxConnections: 8, waitTimeoutMs: 5_000, noKeepAlive: false, clock, ...options })
  t.teardown(async () => { await pool.destroy(); await server.close() })
  return {
    pool,
    clock,
    received,
    made,
    open: () => made.filter(socket => !socket.closed).length,
    async nth (n) {
      while (received.length <= n) await new Promise<void>(resolve => waiting.push(resolve))
      return received[n] as ReceivedRequest
    },
    send (target, on, request = {}) {
      const call = new Call(on)
      call.pending = pool.send({ method: 'GET', target, headers: ['host', origin.host], body: undefined, ...request }, call)
      return call
    },
  }
}

/** Sends a request to which the server responds by itself. */
export async function ask (stage: Stage, target = '/x', on: Call['on'] = {}): Promise<string> {
  return await stage.send(target, on).outcome
}

/** Resolves when a connection of the server is closed. */
export async function closed (socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise(resolve => { socket.once('close', resolve) })
}

/** How long a request may take on a machine that is busy with other tests. */
const LIMIT_MS = 20_000

/** The outcome, or `forgotten` if there is none in time: a test would wait for a lost request until the end of the run. */
export async function within<T> (outcome: Promise<T>): Promise<T | 'forgotten'> {
  return await Promise.race([outcome, new Promise<'forgotten'>(resolve => { setTimeout(resolve, LIMIT_MS, 'forgotten').unref() })])
}

/** Responds by itself. */
export function echo (received: ReceivedRequest): void {
  received.respond()
}
