/** One connection to the stand-in for AMSU: reads requests and does to each what its fault says. */
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { readFault } from './amsu-fault.ts'
import type { AmsuFault } from './amsu-fault.ts'
import { isEarlyRefusal, largeHeadLines, renderEarly, renderInterims, renderInvalid, renderOdd, renderRefusal, renderResponse, renderUnasked } from './amsu-response.ts'
import type { Amsu, ArrivalListener } from './amsu.ts'
import { MessageReader, requestFraming, type Framing, type MessageHead } from '../support/message-reader.ts'
import { noteBroken, type CurrentRequest } from './current-request.ts'
import { isPattern } from './pattern.ts'
import { createArrival, type Arrival } from './request-ledger.ts'

/** After a fault that ends a connection, the other side has this long to close it. */
const lingerMs = 1_500
/** Longer than any timeout of the proxies. */
const deafMs = 4_000
/** Bytes of a response that are written at a time where it drips. */
const dripBytes = 60
const mostDrips = 40

/** Serves one connection until it ends. */
export class AmsuConnection {
  readonly #socket: Socket
  readonly #amsu: Amsu
  readonly #onArrival: ArrivalListener
  readonly #reader: MessageReader
  #current: CurrentRequest | undefined
  #isTainted = false

  constructor (socket: Socket, amsu: Amsu, onArrival: ArrivalListener) {
    this.#socket = socket
    this.#amsu = amsu
    this.#onArrival = onArrival
    this.#reader = new MessageReader({ onHead: head => this.#onHead(head), onBody: chunk => { this.#onBody(chunk) }, onEnd: () => { this.#onEnd() } })
  }

  /** Begins to read. */
  start (): void {
    const socket = this.#socket
    socket.on('data', chunk => {
      try {
        this.#reader.feed(chunk)
      } catch (error) {
        this.#onArrival('unreadable', { ...createArrival('', this.#isTainted), token: (error as Error).message })
        socket.destroy()
      }
    })
    socket.on('end', () => { socket.end() })
    socket.once('close', () => { if (this.#current !== undefined) this.#current.arrival.goneAt = performance.now() })
  }

  #onHead (head: MessageHead): Framing {
    const [method = '', target = ''] = head.startLine.split(' ')
    const [path = '', query = ''] = target.split('?')
    if (/\/v2\/token(?:\/|$)/.test(path)) {
      this.#current = undefined
      return requestFraming(head)
    }
    const id = /storm-\w+-\d+-\d+/.exec(target)?.[0] ?? `stranger: ${head.startLine}`
    const arrival: Arrival = { ...createArrival(method, this.#isTainted), token: head.headers.get('authorization') ?? '' }
    const fault = readFault(query)
    this.#current = { arrival, fault, id, method, isFirst: this.#onArrival(id, arrival) === 1, isTaken: false }
    if ((fault.name === 'early' || fault.name === 'deaf') && fault.at === 0 && requestFraming(head) !== 0) setImmediate(() => { this.#onPart() })
    return requestFraming(head)
  }

  #onBody (chunk: Buffer): void {
    const current = this.#current
    if (current === undefined) return
    const { arrival, id, fault } = current
    arrival.isBodyRight &&= isPattern(id, arrival.bodyBytes, chunk)
    arrival.bodyBytes += chunk.length
    if ((fault.name === 'early' || fault.name === 'deaf') && arrival.bodyBytes >= fault.at) this.#onPart()
  }

  /** Enough of the body is there for a fault that does not wait for all of it. */
  #onPart (): void {
    const current = this.#current
    if (current === undefined || current.isTaken) return
    current.isTaken = true
    const { fault } = current
    if (fault.name === 'deaf') {
      this.#socket.pause()
      // It must see the end of the connection eventually.
      setTimeout(() => { this.#socket.resume() }, deafMs).unref()
      return
    }
    // The kernel sends a reset only if some bytes are unread.
    if (fault.how === 'reset') this.#socket.pause()
    this.#sendEarly(current)
    if (fault.how === 'reset') this.#socket.destroy()
    else if (fault.how === 'end') this.#socket.end()
  }

  #sendEarly (current: CurrentRequest): void {
    const { arrival, fault, id, isFirst, method } = current
    arrival.isRefused = isFirst && isEarlyRefusal(fault)
    if (arrival.isRefused) this.#amsu.refusedAt = performance.now()
    this.#finish(current, renderEarly(id, method, fault, isFirst), false)
  }

  #onEnd (): void {
    const current = this.#current
    if (current === undefined) {
      const grant = this.#amsu.grant()
      if (this.#socket.writable) this.#socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${grant.length}\r\n\r\n${grant}`)
      return
    }
    current.arrival.isWhole = true
    if (current.isTaken) return
    current.isTaken = true
    this.#respond(current).catch(() => { this.#socket.destroy() })
  }

  async #respond (current: CurrentRequest): Promise<void> {
    const { fault, id, method, arrival } = current
    if (Number(/\d+$/.exec(arrival.token)?.[0]) <= this.#amsu.revokedUpTo) {
      await this.#amsu.onRefused()
      this.#refuse(current, fault.variant)
      return
    }
    if (fault.delayMs > 0 && fault.name !== 'unasked') await delay(fault.delayMs)
    if (this.#socket.destroyed) return
    const whole = (): Buffer => renderResponse({ id, method, status: 200, framing: fault.framing, size: fault.size })
    switch (fault.name) {
      case 'drip': return await this.#drip(current, whole())
      case 'early': return this.#sendEarly(current)
      case 'break': return this.#break(current, whole().subarray(0, fault.at))
      case 'headOnly': return this.#break(current, whole().subarray(0, whole().indexOf('\r\n\r\n') + 4))
      case 'stuck': return this.#break({ ...current, fault: { ...fault, how: 'keep' } }, whole().subarray(0, whole().length - 1 - fault.at % Math.max(1, fault.size)))
      case 'unasked': return await this.#sendUnasked(current, whole())
      case 'behind': return this.#sendBehind(current, whole())
      case 'interim': return this.#finish(current, Buffer.concat([renderInterims(fault.variant), whole()]))
      case 'switching': return this.#break(current, Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'))
      case 'stale': return await this.#goStale(current)
      case 'refusal': return current.isFirst ? this.#refuse(current, fault.variant) : this.#finish(current, whole())
      case 'refusals': return this.#refuse(current, fault.variant)
      case 'silent': return
      case 'odd': return this.#finish(current, renderOdd(id, method, fault.variant))
      case 'invalid': return this.#break({ ...current, fault: { ...fault, how: 'keep' } }, renderInvalid(id, fault.variant))
      case 'largeHead': return this.#finish(current, renderResponse({ id, method, status: 200, framing: 'length', size: fault.size, more: largeHeadLines() }))
      case 'noContent': return this.#finish(current, renderResponse({ id, method, status: fault.variant % 2 === 0 ? 204 : 304, framing: 'length', size: 0 }))
      case 'plain':
      case 'deaf':
      case 'large': return this.#finish(current, whole(), fault.framing === 'close')
    }
  }

  /** Returns whether it could be written: the request may have met the end of the connection. */
  #write ({ arrival, id }: CurrentRequest, bytes: Buffer): boolean {
    if (this.#isTainted) this.#amsu.displaced.add(id)
    if (!this.#socket.writable) {
      arrival.isBroken = true
      return false
    }
    arrival.isBegun ||= bytes.length > 0
    this.#socket.write(bytes)
    return true
  }

  #finish (current: CurrentRequest, bytes: Buffer, isLast = current.fault.framing === 'close'): void {
    current.arrival.isResponded = this.#write(current, bytes)
    if (isLast) this.#socket.end()
  }

  #refuse (current: CurrentRequest, variant: number): void {
    this.#amsu.refusedAt = performance.now()
    current.arrival.isRefused = true
    this.#finish(current, renderRefusal(current.id, current.method, variant), false)
  }

  async #drip (current: CurrentRequest, bytes: Buffer): Promise<void> {
    const size = Math.max(dripBytes, Math.ceil(bytes.length / mostDrips))
    for (let from = 0; from < bytes.length && !this.#socket.destroyed; from += size) {
      this.#write(current, bytes.subarray(from, from + size))
      await delay(5)
    }
    this.#finish(current, Buffer.alloc(0))
  }

  /** Writes what there is of a response; then the connection ends, or nothing more comes. */
  #break (current: CurrentRequest, bytes: Buffer): void {
    this.#write(current, bytes)
    const { how, delayMs } = current.fault
    if (how === 'keep') return
    setTimeout(() => {
      // What was cut may have been whole, and the connection may carry the next one.
      if (this.#current?.arrival !== current.arrival) this.end(how)
      else if (how === 'reset') this.#reset()
      else this.#socket.end()
    }, delayMs % 20)
  }

  async #sendUnasked (current: CurrentRequest, bytes: Buffer): Promise<void> {
    this.#finish(current, bytes)
    await delay(current.fault.delayMs)
    // A write behind the end of a later response would destroy the socket, with what is left of that response.
    if (!this.#socket.writable) return
    this.#taint()
    this.#socket.write(renderUnasked(current.id, current.fault.variant))
  }

  #sendBehind (current: CurrentRequest, bytes: Buffer): void {
    if (current.fault.framing === 'close') {
      this.#finish(current, bytes)
      return
    }
    this.#taint()
    this.#finish(current, Buffer.concat([bytes, renderUnasked(current.id, current.fault.variant)]))
  }

  /** A request that arrives now may have been written before the client could see what was sent. It is read, so that the ledger has it. */
  #taint (): void {
    this.#isTainted = true
    this.#amsu.unaskedAt.push(performance.now())
    if (this.#current !== undefined && !this.#current.arrival.isResponded) this.#current.arrival.isTainted = true
    setTimeout(() => { this.end('reset') }, lingerMs).unref()
  }

  async #goStale (current: CurrentRequest): Promise<void> {
    const { id, method, fault: { size, how, delayMs } } = current
    this.#finish(current, renderResponse({ id, method, status: 200, framing: 'length', size }), false)
    await delay(10 + delayMs)
    if (this.#current !== current) this.end(how)
    else if (how === 'reset') this.#reset()
    else this.#socket.end()
  }

  /** Ends the connection, whatever is in flight on it. */
  end (how: AmsuFault['how']): void {
    if (this.#current !== undefined && !this.#socket.destroyed) noteBroken(this.#current, how, this.#socket)
    if (how === 'reset') this.#reset()
    else this.#socket.end()
  }

  /** A socket that is just ending cannot be reset any more, and Node.js would then never say that it is closed. */
  #reset (): void {
    if (this.#socket.writableEnded) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }
}
