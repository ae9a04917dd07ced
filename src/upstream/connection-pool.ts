/**
 * Keep-alive connection pool: the connections to one origin, and the queue of requests that wait for one.
 */
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../clock.ts'
import type { Connector, ConnectTarget } from './connect-attempt.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import { ConnectionEndedError } from './errors.ts'
import { PendingRequest, type RequestHandler, type OutgoingRequest, type Transport } from './pending-request.ts'
import { RequestQueue } from './request-queue.ts'

/** Maximum age of a connection. A request after that is its last one, so that DNS changes take effect. */
const CONNECTION_TTL_MS = 300_000

/** How long an idle connection is kept if AMSU sends no `Keep-Alive` timeout. Most servers keep theirs for 5 s or longer. */
const KEEP_ALIVE_MS = 4_000

/** An idle connection is closed this long before AMSU would close it: otherwise a request could meet the close. */
const KEEP_ALIVE_MARGIN_MS = 2_000

/** Upper limit for an idle connection, whatever AMSU's `Keep-Alive` says. */
const MAX_KEEP_ALIVE_MS = 600_000

export interface ConnectionPoolOptions {
  /** The origin of all connections. */
  readonly origin: URL
  readonly connect: Connector
  readonly maxConnections: number
  /** How long a request may wait for a connection. */
  readonly waitTimeoutMs: number
  /** Whether each request uses its own connection. */
  readonly noKeepAlive: boolean
  readonly clock: Clock
}

/**
 * Sends requests over reused connections. It limits the wait for a connection, not the wait for a response, and it never sends a request
 * twice.
 */
export class ConnectionPool implements Transport, ConnectionOwner {
  readonly #options: ConnectionPoolOptions
  readonly #target: ConnectTarget
  readonly #open = new Set<Connection>()
  /** Last in, first out: surplus connections stay idle and expire. */
  readonly #idle: Connection[] = []
  /** Idle connections with an assigned request that is not sent until pending socket data has been read. */
  #starting: Connection[] = []
  readonly #queue: RequestQueue
  #connecting = 0
  #sweep: Timer | undefined
  #isDestroyed = false

  constructor (options: ConnectionPoolOptions) {
    const { host, hostname, port, protocol } = options.origin
    this.#options = options
    this.#queue = new RequestQueue(options.clock, options.waitTimeoutMs)
    this.#target = { host, hostname: hostname.replace(/^\[|\]$/g, ''), port, protocol }
  }

  /** Sends a request as soon as there is a connection for it. */
  send (request: OutgoingRequest, handler: RequestHandler): PendingRequest {
    const pending = new PendingRequest(request, handler, this.#remove)
    // Asynchronous, like every failure: the sender must get the PendingRequest first.
    if (this.#isDestroyed) setImmediate(() => { pending.fail(new ConnectionEndedError()) })
    else this.#serve(pending)
    return pending
  }

  /** Destroys all connections. Requests in flight and in the queue fail. */
  async destroy (): Promise<void> {
    this.#isDestroyed = true
    if (this.#sweep !== undefined) this.#options.clock.clearTimeout(this.#sweep)
    const cause = new ConnectionEndedError()
    for (const connection of [...this.#open]) connection.fail(cause)
    this.#queue.close(cause)
  }

  onIdle (connection: Connection): void {
    const next = this.#options.noKeepAlive ? undefined : this.#queue.shift()
    if (this.#options.noKeepAlive) connection.close()
    else if (next !== undefined) this.#startSoon(connection, next)
    else this.#releaseToIdle(connection)
  }

  onClosed (connection: Connection): void {
    this.#open.delete(connection)
    const index = this.#idle.indexOf(connection)
    if (index !== -1) this.#idle.splice(index, 1)
    this.#connectAsNeeded()
  }

  #serve (pending: PendingRequest): void {
    const nowMs = this.#options.clock.monotonic()
    pending.queuedAtMs = nowMs - (pending.request.queuedMs ?? 0)
    const connection = this.#takeIdle(nowMs)
    if (connection !== undefined) {
      this.#startSoon(connection, pending)
      return
    }
    this.#queue.push(pending)
    this.#connectAsNeeded()
  }

  #takeIdle (nowMs: number): Connection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (nowMs < connection.idleUntilMs) return connection
      connection.close()
    }
    return undefined
  }

  /**
   * Sends a request on an idle connection after all data that has arrived on it has been read. That data may be the close of the
   * connection, by which a charged call would be lost, or an unsolicited response, which would be taken for the response to this request
   * (CVE-2026-6733). Node polls the sockets between the first immediate and the second.
   */
  #startSoon (connection: Connection, pending: PendingRequest): void {
    connection.next = pending
    if (this.#starting.push(connection) === 1) setImmediate(this.#startNext)
  }

  /** What is assigned from now on has to wait for another poll. */
  readonly #startNext = (): void => {
    const starting = this.#starting
    this.#starting = []
    setImmediate(() => { this.#start(starting) })
  }

  #start (starting: readonly Connection[]): void {
    // In reverse, so that they return to the head of the queue in their original order.
    for (let i = starting.length - 1; i >= 0; i--) {
      const connection = starting[i] as Connection
      if (connection.isClosed) this.#putBack(takeNext(connection))
    }
    const nowMs = this.#options.clock.monotonic()
    for (const connection of starting) {
      if (connection.next !== undefined) this.#dispatch(connection, takeNext(connection), nowMs)
    }
    this.#connectAsNeeded()
  }

  #putBack (pending: PendingRequest): void {
    if (this.#isDestroyed) pending.fail(new ConnectionEndedError())
    else if (!pending.isDone) this.#queue.putBack(pending)
  }

  #dispatch (connection: Connection, pending: PendingRequest, nowMs = this.#options.clock.monotonic()): void {
    if (connection.isClosed) {
      this.#putBack(pending)
      return
    }
    if (pending.isDone) {
      this.onIdle(connection)
      return
    }
    const isOld = nowMs - connection.connectedAtMs > CONNECTION_TTL_MS
    connection.dispatch(pending, isOld || this.#options.noKeepAlive)
  }

  #releaseToIdle (connection: Connection): void {
    const { keepAliveMs = KEEP_ALIVE_MS + KEEP_ALIVE_MARGIN_MS } = connection
    const keptMs = Math.min(keepAliveMs - KEEP_ALIVE_MARGIN_MS, MAX_KEEP_ALIVE_MS)
    // A connection whose assigned request was not sent keeps its idle deadline.
    if (connection.idleUntilMs === Infinity) connection.idleUntilMs = this.#options.clock.monotonic() + keptMs
    this.#idle.push(connection)
    this.#sweep ??= this.#options.clock.setTimeout(this.#closeIdle, KEEP_ALIVE_MS)
  }

  readonly #closeIdle = (): void => {
    this.#sweep = undefined
    const nowMs = this.#options.clock.monotonic()
    for (const connection of this.#idle.filter(({ idleUntilMs }) => idleUntilMs <= nowMs)) connection.close()
    if (this.#idle.length > 0) this.#sweep = this.#options.clock.setTimeout(this.#closeIdle, KEEP_ALIVE_MS)
  }

  #connectAsNeeded (): void {
    while (!this.#isDestroyed && this.#connecting < this.#queue.length && this.#open.size + this.#connecting < this.#options.maxConnections) this.#connect()
    this.#queue.limitWait()
  }

  #connect (): void {
    const startedAtMs = this.#options.clock.monotonic()
    this.#connecting++
    this.#options.connect(this.#target, (...[error, socket]) => {
      this.#connecting--
      if (error === null) this.#onConnected(socket)
      else this.#onConnectError(error, startedAtMs)
    })
  }

  #onConnected (socket: Socket): void {
    if (this.#isDestroyed) {
      socket.destroy()
      return
    }
    const connection = new Connection(socket, this, this.#options.clock.monotonic())
    this.#open.add(connection)
    const pending = this.#queue.shift()
    if (pending === undefined) this.onIdle(connection)
    else this.#dispatch(connection, pending)
  }

  /**
   * A connection attempt failed. If connections are open, that fails one queued request. If there are none, it fails every request that was
   * queued when the attempt started: a thousand requests must not time out one after the other when AMSU is down. Later requests are not
   * affected.
   */
  #onConnectError (cause: Error, startedAtMs: number): void {
    this.#queue.failSince(startedAtMs, cause, this.#open.size > 0 ? 1 : Infinity)
    this.#connectAsNeeded()
  }

  readonly #remove = (pending: PendingRequest): void => { this.#queue.remove(pending) }
}

function takeNext (connection: Connection): PendingRequest {
  const pending = connection.next as PendingRequest
  connection.next = undefined
  return pending
}
