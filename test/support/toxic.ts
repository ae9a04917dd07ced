/**
 * A faulty line: a TCP proxy between two parties whose faults can be set at any time, each way on its own.
 */
import { EventEmitter, once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { until } from './until.ts'

/** How far ahead of the line a sender is read: what a network holds. */
const BUFFER_BYTES = 262_144

/** What is wrong with one direction. Nothing, by default. */
export interface Toxics {
  /** Bytes arrive this much later, and up to `jitterMs` later than that; they stay in order. */
  readonly latencyMs?: number
  readonly jitterMs?: number
  readonly bytesPerSecond?: number
  /** Bytes pass in pieces of at most this many, with a pause after each. */
  readonly slice?: { readonly bytes: number, readonly delayMs: number }
  /**
   * What happens to a connection once `afterBytes` have passed since this was set; with 0, when the first byte comes. `reset`: both
   * sides are reset. `close`: both see an end. `fin`: the receiver sees an end, the rest is swallowed. `stall`: nothing passes.
   */
  readonly end?: { readonly afterBytes: number, readonly by: 'reset' | 'close' | 'fin' | 'stall' }
}

/** `server`: towards the party that listens; `client`: towards the one that connects. */
export type Direction = 'server' | 'client'

/** How connections are taken: as usual, refused because nobody listens, or reset once made. */
export type Door = 'open' | 'refuse' | 'reset'

export interface Toxic {
  readonly origin: string
  readonly port: number
  /** The open sockets, of both sides. */
  readonly sockets: ReadonlySet<Socket>
  /** Connections accepted so far. */
  readonly accepted: number
  /** Sets the faults of a direction; connections that stall look at them again. */
  set: (direction: Direction, toxics: Toxics) => void
  /** Removes all faults, and accepts connections. */
  heal: () => Promise<void>
  /** Sets what happens to new connections. */
  door: (state: Door) => Promise<void>
  /** Ends all connections, at once: by a reset, or by an end both sides see. */
  cut: (by: 'reset' | 'close') => void
  close: () => Promise<void>
}

/** The bytes of one direction of one connection. */
class Flow {
  readonly #source: Socket
  readonly #target: Socket
  readonly #toxics: () => Toxics
  readonly #wake = new EventEmitter()
  readonly #queue: Array<{ readonly bytes: Buffer, readonly atMs: number }> = []
  #queuedBytes = 0
  #passedBytes = 0
  #hasEnded = false
  #lineFreeMs = 0

  constructor (source: Socket, target: Socket, toxics: () => Toxics) {
    this.#source = source
    this.#target = target
    this.#toxics = toxics
    source.on('data', (bytes: Buffer) => {
      this.#queue.push({ bytes, atMs: performance.now() })
      this.#queuedBytes += bytes.length
      if (this.#queuedBytes > BUFFER_BYTES) source.pause()
      this.#wake.emit('wake')
    })
    source.on('end', () => {
      this.#hasEnded = true
      this.#wake.emit('wake')
    })
    for (const event of ['drain', 'close']) target.on(event, () => { this.#wake.emit('wake') })
  }

  /** The faults are others now; their counts start anew. */
  onChange (): void {
    this.#passedBytes = 0
    this.#wake.emit('wake')
  }

  /** Passes bytes on until the receiver is gone. */
  async run (): Promise<void> {
    while (!this.#target.destroyed) {
      const { bytesPerSecond = Infinity, end, slice } = this.#toxics()
      const head = this.#queue[0]
      const left = end === undefined ? Infinity : end.afterBytes - this.#passedBytes
      if (end !== undefined && left <= 0 && (end.afterBytes > 0 || head !== undefined)) {
        if (end.by !== 'stall') return this.#endBy(end.by)
        await once(this.#wake, 'wake')
      } else if (head === undefined) {
        if (this.#hasEnded) break
        await once(this.#wake, 'wake')
      } else {
        if (await this.#isLate(head.atMs)) continue // the faults may be others by now
        const piece = head.bytes.subarray(0, Math.min(left, slice?.bytes ?? Infinity))
        this.#take(piece.length)
        this.#target.write(piece)
        while (this.#target.writableNeedDrain && !this.#target.destroyed) await once(this.#wake, 'wake')
        this.#lineFreeMs = Math.max(this.#lineFreeMs, performance.now() - 20) + piece.length / bytesPerSecond * 1000 + (slice?.delayMs ?? 0)
      }
    }
    this.#target.end()
  }

  /** Waits until bytes that came at `atMs` are due; false if they were. */
  async #isLate (atMs: number): Promise<boolean> {
    const { latencyMs = 0, jitterMs = 0 } = this.#toxics()
    const waitMs = Math.max(atMs + latencyMs, this.#lineFreeMs) - performance.now()
    if (waitMs < 1) return false
    await pause(waitMs + Math.random() * jitterMs)
    return true
  }

  /** Takes bytes from the front of the queue; the sender may go on. */
  #take (length: number): void {
    const [head] = this.#queue
    if (head === undefined) return
    if (length === head.bytes.length) this.#queue.shift()
    else this.#queue[0] = { ...head, bytes: head.bytes.subarray(length) }
    this.#passedBytes += length
    this.#queuedBytes -= length
    if (this.#queuedBytes <= BUFFER_BYTES) this.#source.resume()
  }

  #endBy (by: 'reset' | 'close' | 'fin'): void {
    if (by === 'reset') return reset(this.#source, this.#target)
    this.#target.end()
    if (by === 'close') this.#source.end()
    this.#source.removeAllListeners('data').resume()
  }
}

/** Starts a line to `server` on a free port. */
export async function startToxic (server: { readonly origin: string }): Promise<Toxic> {
  const sockets = new Set<Socket>()
  const flows = new Set<Flow>()
  const toxics: Record<Direction, Toxics> = { server: {}, client: {} }
  let isResetting = false
  let accepted = 0

  function track (socket: Socket, other: Socket): void {
    sockets.add(socket)
    socket.on('error', () => { reset(other) })
    socket.on('close', () => sockets.delete(socket))
  }

  const listener = net.createServer({ allowHalfOpen: true, noDelay: true }, client => {
    if (isResetting) return reset(client.on('error', () => {}))
    accepted++
    const behind = net.connect({ port: Number(new URL(server.origin).port), host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    track(client, behind)
    track(behind, client)
    const both = [new Flow(client, behind, () => toxics.server), new Flow(behind, client, () => toxics.client)]
    for (const flow of both) {
      flows.add(flow)
      flow.run().catch(() => { reset(client, behind) }).finally(() => flows.delete(flow))
    }
  })
  const listen = async (port: number): Promise<void> => { await once(listener.listen(port, '127.0.0.1'), 'listening') }
  await listen(0)
  const { port } = listener.address() as AddressInfo

  const toxic: Toxic = {
    origin: `http://127.0.0.1:${port}`,
    port,
    sockets,
    get accepted () { return accepted },
    set (direction, next) {
      toxics[direction] = next
      for (const flow of flows) flow.onChange()
    },
    async heal () {
      toxic.set('server', {})
      toxic.set('client', {})
      await toxic.door('open')
    },
    async door (state) {
      isResetting = state === 'reset'
      if (state === 'refuse' && listener.listening) listener.close()
      // The system may have given the port to a connection in the meantime; it becomes free again.
      if (state !== 'refuse') await until(async () => listener.listening || await listen(port).then(() => true, () => false))
    },
    cut (by) {
      for (const socket of sockets) {
        if (by === 'reset') reset(socket)
        else socket.destroySoon()
      }
    },
    async close () {
      for (const socket of sockets) socket.destroy()
      if (listener.listening) await new Promise<void>(resolve => listener.close(() => { resolve() }))
    },
  }
  return toxic
}

/** Node.js never emits the end of a socket that is reset in the same turn in which it was ended. */
function reset (...sockets: Socket[]): void {
  for (const socket of sockets) socket.writableEnded ? socket.destroy() : socket.resetAndDestroy()
}
