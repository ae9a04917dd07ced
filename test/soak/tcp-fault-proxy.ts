/**
 * A TCP proxy between amsu-proxy and AMSU's stand-in. It passes every byte on untouched, breaks connections when told to, and keeps the
 * books that everything is held against: which request arrived how often, on which connection, and what became of it there.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { MessageReader, requestFraming, type MessageHead } from '../support/message-reader.ts'
import type { Random } from './random.ts'

/** Ports below those that the system gives away, so that no other program takes this one while nothing listens on it. */
const portRange = [20_000, 30_000] as const
/** Time a connection that is ended cleanly has until it is destroyed. */
const endMs = 200
/** A connection that has been silent for this long after its response, or after its start, is taken for an idle one. */
const idleAfterMs = 100

const requestLine = /^([A-Z]+) (\S+) HTTP\/1\.1$/
const statusLine = /^HTTP\/1\.1 (\d{3}) /

/** How a connection is broken: by a reset; by a clean end; by a reset in the middle of the next response. */
export type Break = 'reset' | 'end' | 'cut'

/** A request that arrived here. All times are in milliseconds of the monotonic clock. */
export interface Arrival {
  readonly method: string
  readonly at: number
  /** The status that the stand-in sent. */
  status?: number
  /** Whether the response came before the whole request had passed. */
  isEarly?: boolean
  /** When its connection was broken on purpose. */
  brokenAt?: number
  /** When its connection was gone, whatever the reason. */
  goneAt?: number
}

/** What the TCP fault proxy has seen. */
export interface WireBooks {
  /** The requests by `X-Request-Id`; the reader deletes it. */
  readonly arrivals: Map<string, Arrival[]>
  /** All requests so far, but token calls. */
  arrivalCount: number
  /** When token calls got 200. */
  readonly issues: number[]
  /** When requests got 401. */
  readonly refusals: number[]
  /** When connections were broken on purpose. */
  readonly breaks: number[]
  /** Connections so far, and those that ended without having carried a request. */
  connections: number
  unused: number
}

interface Connection {
  readonly near: Socket
  readonly far: Socket
  /** The request on it, or the last one. */
  current: Arrival | undefined
  isTokenCall: boolean
  readonly reader: MessageReader
  /** When a part of the response, or nothing but the connection, came; undefined while a request waits for a response. */
  silentSince: number | undefined
  /** Bytes of the next response after which it is broken. */
  cutAfter: number | undefined
}

/** Creates the TCP fault proxy. */
export async function startTcpFaultProxy (target: string): Promise<TcpFaultProxy> {
  const wire = new TcpFaultProxy(target)
  await wire.up()
  return wire
}

/** A TCP fault proxy that listens. */
export class TcpFaultProxy {
  readonly books: WireBooks = { arrivals: new Map(), arrivalCount: 0, issues: [], refusals: [], breaks: [], connections: 0, unused: 0 }
  readonly #target: { host: string, port: number }
  readonly #connections = new Set<Connection>()
  #server: Server | undefined
  #port = 0

  constructor (target: string) {
    const { hostname, port } = new URL(target)
    this.#target = { host: hostname, port: Number(port) }
  }

  /** Such as `http://127.0.0.1:20123`. */
  get origin (): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Connections whose last request has neither a response nor an end. */
  get withoutResponse (): number {
    return [...this.#connections].filter(({ silentSince }) => silentSince === undefined).length
  }

  /** Listens, on the same port as ever. */
  async up (): Promise<void> {
    const isFirst = this.#port === 0
    for (let attempts = 0; ; attempts++) {
      if (isFirst) this.#port = Math.floor(portRange[0] + Math.random() * (portRange[1] - portRange[0]))
      const server = createServer({ allowHalfOpen: true, noDelay: true }, near => { this.#accept(near) })
      server.listen(this.#port, '127.0.0.1')
      try {
        await once(server, 'listening')
        this.#server = server
        return
      } catch (error) {
        if (attempts === 20) throw error
        if (!isFirst) await setTimeout(50)
      }
    }
  }

  /** Refuses connections from now on, and breaks those there are. */
  down (): void {
    this.#server?.close()
    this.#server = undefined
    for (const connection of this.#connections) this.#break(connection, 'reset')
  }

  /** Breaks up to `count` connections on which a request is in flight. */
  breakBusy (count: number, how: Break, random: Random): void {
    const busy = [...this.#connections].filter(({ silentSince, isTokenCall }) => silentSince === undefined && !isTokenCall)
    for (const connection of random.shuffle(busy).slice(0, count)) {
      if (how === 'cut') connection.cutAfter = Math.floor(random.between(1, 20_000))
      else this.#break(connection, how)
    }
  }

  /** Breaks the connections that wait for a request. */
  breakIdle (how: 'reset' | 'end'): void {
    const latest = performance.now() - idleAfterMs
    for (const connection of this.#connections) {
      const { silentSince, isTokenCall } = connection
      if (silentSince !== undefined && silentSince < latest && !isTokenCall) this.#break(connection, how)
    }
  }

  /** Ends everything. */
  async close (): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const { near, far } of this.#connections) {
      near.destroy()
      far.destroy()
    }
    if (server === undefined) return
    server.close()
    await once(server, 'close')
  }

  #accept (near: Socket): void {
    const far = connect({ ...this.#target, allowHalfOpen: true, noDelay: true })
    const reader = new MessageReader({
      onHead: head => {
        this.#noteRequest(connection, head)
        return requestFraming(head)
      },
      onBody () {},
      onEnd () {},
    })
    const connection: Connection = { near, far, reader, current: undefined, isTokenCall: false, silentSince: performance.now(), cutAfter: undefined }
    this.#connections.add(connection)
    this.books.connections++
    near.once('close', () => {
      this.#connections.delete(connection)
      if (connection.current === undefined) this.books.unused++
      else connection.current.goneAt ??= performance.now()
    })
    near.on('data', chunk => {
      reader.feed(chunk)
      if (!far.write(chunk)) near.pause()
    })
    far.on('data', chunk => { this.#onResponse(connection, chunk) })
    for (const [from, to] of [[near, far], [far, near]] as const) {
      from.on('end', () => { to.end() })
      from.on('error', () => { to.destroy() })
      from.on('close', () => { to.destroy() })
      to.on('drain', () => { from.resume() })
    }
  }

  #noteRequest (connection: Connection, { startLine, headers }: MessageHead): void {
    const { books } = this
    const [, method = '', path = ''] = requestLine.exec(startLine) ?? []
    connection.silentSince = undefined
    connection.isTokenCall = path.includes('/token')
    connection.current = { method, at: performance.now() }
    if (connection.isTokenCall) return
    books.arrivalCount++
    const id = headers.get('x-request-id') ?? 'without an id'
    const before = books.arrivals.get(id)
    if (before === undefined) books.arrivals.set(id, [connection.current])
    else before.push(connection.current)
  }

  #onResponse (connection: Connection, chunk: Buffer): void {
    const { near, far, cutAfter } = connection
    const now = performance.now()
    this.#noteResponse(connection, chunk, now)
    connection.silentSince = now
    if (cutAfter !== undefined) {
      this.#noteBreak(connection)
      connection.cutAfter = undefined
      far.destroy()
      near.write(chunk.subarray(0, cutAfter), () => { near.resetAndDestroy() })
    } else if (!near.write(chunk)) {
      far.pause()
    }
  }

  #noteResponse ({ current, isTokenCall, reader }: Connection, chunk: Buffer, now: number): void {
    if (current === undefined || current.status !== undefined) return
    current.status = Number(statusLine.exec(chunk.toString('latin1', 0, 20))?.[1])
    current.isEarly = reader.hasBegun
    if (isTokenCall && current.status === 200) this.books.issues.push(now)
    if (!isTokenCall && current.status === 401) this.books.refusals.push(now)
  }

  #break (connection: Connection, how: 'reset' | 'end'): void {
    const { near } = connection
    this.#noteBreak(connection)
    if (how === 'reset') {
      near.resetAndDestroy()
      return
    }
    near.end()
    near.pause()
    globalThis.setTimeout(() => { near.destroy() }, endMs).unref()
  }

  #noteBreak ({ current }: Connection): void {
    const now = performance.now()
    this.books.breaks.push(now)
    if (current !== undefined) current.brokenAt ??= now
  }
}
