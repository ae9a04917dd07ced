/** A client that follows a script over a connection of its own, and notes what becomes of each request. */
import net from 'node:net'
import type { Socket } from 'node:net'
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import tls from 'node:tls'
import { CA } from '../support/tls.ts'
import { chunksOf } from './amsu-response.ts'
import { MessageError, MessageReader, responseFraming, statusOf } from '../support/message-reader.ts'
import type { Framing, MessageHead } from '../support/message-reader.ts'
import { isPattern, patternBytes } from './pattern.ts'
import type { RequestRecord } from './request-ledger.ts'
import type { ConnectionScript, Step } from './script.ts'

/** After this long without an outcome a request is lost. */
export const lostAfterMs = 20_000
/** Time in which an unsolicited response may still come. */
const lingerMs = 60
const connectTimeoutMs = 5_000
/** Characters kept of what went over a connection, either way. */
const traceLength = 700

/** How a proxy is reached. */
export type Address = { readonly path: string } | { readonly port: number, readonly host: string, readonly isTls: boolean }

/** One connection of a client. */
export class StormClient {
  readonly #script: ConnectionScript
  readonly #records: readonly RequestRecord[]
  readonly #reader: MessageReader
  /** The TCP connection, and what is written to: the same without TLS. */
  readonly #raw: Socket
  readonly #canReset: boolean
  readonly #socket: Socket
  #waiters: Array<{ isDone: () => boolean, resolve: () => void }> = []
  #responded = 0
  #receivedBytes = 0
  #isInterim = false
  #hasContinue = false
  #isConnected = false
  #hasEnded = false
  #isOver = false

  constructor (script: ConnectionScript, records: readonly RequestRecord[], address: Address) {
    this.#script = script
    this.#records = records
    this.#reader = new MessageReader({ onHead: head => this.#onHead(head), onBody: chunk => { this.#onBody(chunk) }, onEnd: () => { this.#onEnd() } })
    const isTls = 'isTls' in address && address.isTls
    this.#canReset = 'port' in address
    this.#raw = net.connect({ ...address, noDelay: true, allowHalfOpen: !isTls })
    this.#socket = isTls ? tls.connect({ socket: this.#raw, ca: CA, servername: 'localhost' }) : this.#raw
    this.#raw.on('error', () => {})
    this.#socket.on(isTls ? 'secureConnect' : 'connect', () => { this.#isConnected = true; this.#wake() })
    this.#socket.on('data', chunk => { this.#onData(chunk) })
    this.#socket.on('end', () => { this.#hasEnded = true; this.#tellReset() })
    this.#socket.on('error', error => { this.#end('code' in error ? String(error.code) : error.message) })
    this.#socket.on('close', () => { this.#end(this.#hasEnded ? 'FIN' : 'closed') })
    this.#socket.on('drain', () => { this.#wake() })
  }

  /** Runs the script; resolves when the connection has ended. Never throws. */
  async run (): Promise<void> {
    await this.#until(() => this.#isConnected, connectTimeoutMs)
    if (this.#isConnected) {
      for (const step of this.#script.steps) {
        if (!this.#isOver) await this.#take(step)
      }
      await this.#untilAllEnded()
      if (!this.#isOver) await delay(lingerMs)
    }
    this.#end('lost')
    this.#socket.end()
    await Promise.race([new Promise(resolve => { if (this.#socket.closed) resolve(0); else this.#socket.once('close', resolve) }), delay(500, undefined, { ref: false })])
    this.#socket.destroy()
    this.#raw.destroy()
  }

  /** Each response may take its time behind the one before. */
  async #untilAllEnded (): Promise<void> {
    const isDone = (): boolean => this.#records.every(({ plan, begunAt, endedAt }) => plan.kind === 'trap' || begunAt === undefined || endedAt !== undefined)
    for (let responded = -1; responded < this.#responded && !isDone();) {
      const before = responded = this.#responded
      await this.#until(() => isDone() || this.#responded > before, lostAfterMs)
    }
  }

  async #take (step: Step): Promise<void> {
    switch (step.do) {
      case 'send':
        for (const place of step.begins ?? []) this.#records[place]!.begunAt = performance.now()
        return await this.#write(Buffer.from(step.bytes, 'latin1'), step.completes)
      case 'sendBody': return await this.#sendBody(step)
      case 'wait': return await this.#until(() => false, step.ms)
      case 'await': return await this.#until(() => this.#responded >= step.responses, lostAfterMs)
      case 'awaitContinue': return await this.#until(() => this.#hasContinue || this.#receivedBytes > 0, step.ms)
      case 'awaitBytes': return await this.#until(() => this.#receivedBytes >= step.bytes, step.ms)
      case 'pause': return await this.#pause(step.ms)
      case 'end':
        for (const record of this.#records) if (record.endedAt === undefined) record.halfClosedAt = performance.now()
        this.#socket.end()
        return
      case 'leave': return this.#leave(step.how)
    }
  }

  async #write (bytes: Buffer, completes: readonly number[] = []): Promise<void> {
    const { trace } = this.#records[0]!
    if (trace.sent.length < traceLength) trace.sent += bytes.toString('latin1', 0, traceLength)
    // A turn of the event loop, so that what has come is read before a write fails.
    await turn()
    if (this.#isOver) return
    const hasRoom = this.#socket.write(bytes, error => {
      if (error == null) for (const place of completes) this.#records[place]!.wholeAt = performance.now()
    })
    if (!hasRoom) await this.#until(() => !this.#socket.writableNeedDrain, lostAfterMs)
  }

  async #sendBody ({ request, from, to, pieceBytes, pauseMs }: Step & { do: 'sendBody' }): Promise<void> {
    const record = this.#records[request]!
    const { plan: { id, body } } = record
    const isLast = to === body!.bytes
    for (let at = from; at < to && !this.#isOver && record.endedAt === undefined; at += pieceBytes) {
      const end = Math.min(to, at + pieceBytes)
      const piece = patternBytes(id, at, end)
      const completes = isLast && end === to && !body!.isChunked ? [request] : []
      await this.#write(body!.isChunked ? Buffer.concat(chunksOf(piece, piece.length)) : piece, completes)
      record.bodyBytesSent = end
      if (pauseMs > 0) await this.#until(() => false, pauseMs)
    }
    if (isLast && body!.isChunked && !this.#isOver && record.endedAt === undefined) await this.#write(Buffer.from('0\r\n\r\n'), [request])
  }

  async #pause (ms: number): Promise<void> {
    for (const record of this.#records) if (record.endedAt === undefined) record.hasPaused = true
    this.#socket.pause()
    await this.#until(() => false, ms)
    this.#socket.resume()
  }

  #leave (how: 'reset' | 'close'): void {
    const now = performance.now()
    for (const record of this.#records) if (record.endedAt === undefined) record.leftAt = now
    this.#end('left')
    if (how === 'reset' && this.#canReset) this.#raw.resetAndDestroy()
    this.#socket.destroy()
    this.#raw.destroy()
  }

  #onData (chunk: Buffer): void {
    const { trace } = this.#records[0]!
    if (trace.received.length < traceLength) trace.received += chunk.toString('latin1', 0, traceLength)
    this.#receivedBytes += chunk.length
    try {
      this.#reader.feed(chunk)
    } catch (error) {
      if (!(error instanceof MessageError)) throw error
      // What comes behind a response is its matter, too.
      this.#records[Math.min(this.#responded, this.#records.length - 1)]!.ending ??= `unreadable: ${error.message}`
      this.#end(`unreadable: ${error.message}`)
      this.#socket.destroy()
    }
    this.#wake()
  }

  #onHead (head: MessageHead): Framing {
    const status = statusOf(head.startLine)
    this.#isInterim = status < 200
    if (status === 100) this.#hasContinue = true
    const record = this.#records[this.#responded]
    if (record === undefined || record.begunAt === undefined) throw new MessageError(`a response nobody asked for: ${head.startLine}`)
    if (this.#isInterim) return 0
    record.response = { status, headers: head.headers, bodyBytes: 0, isBodyRight: true, isWhole: false }
    return responseFraming(head, record.plan.method)
  }

  #onBody (chunk: Buffer): void {
    const { plan: { id }, response } = this.#records[this.#responded]!
    if (response === undefined) return
    if (response.headers.get('content-type') === 'application/octet-stream') response.isBodyRight &&= isPattern(id, response.bodyBytes, chunk)
    response.bodyBytes += chunk.length
  }

  #onEnd (): void {
    if (this.#isInterim) return
    const record = this.#records[this.#responded++]!
    record.response!.isWhole = true
    record.endedAt = performance.now()
    const isLast = record.plan.isLast || /\bclose\b/i.test(record.response!.headers.get('connection') ?? '')
    if (isLast) for (const later of this.#records.slice(this.#responded)) later.isBehindLast = true
  }

  /**
   * A reset that comes together with bytes looks like an end to Node.js (libuv takes a hang-up behind a short read for one), but nothing can be
   * written any more: a byte tells. Without TCP there is no reset, and with TLS nobody can tell.
   */
  #tellReset (): void {
    const headers = this.#records[this.#responded]?.response?.headers
    const isUnframed = headers !== undefined && !headers.has('content-length') && !headers.has('transfer-encoding')
    if (!isUnframed || !this.#canReset || this.#socket !== this.#raw) this.#end('FIN')
    else this.#socket.write('\r\n', error => { this.#end(error == null ? 'FIN' : 'ECONNRESET') })
  }

  /** The connection has ended, in some way; the first one counts. */
  #end (how: string): void {
    if (this.#isOver) return
    if (how === 'FIN') this.#reader.end()
    this.#isOver = true
    const now = performance.now()
    for (const [place, record] of this.#records.entries()) {
      if (record.endedAt !== undefined) continue
      record.endedAt = now
      record.ending = how
      // Whatever ended the connection is the matter of the first that has no response.
      if (place > this.#responded) record.isBehindLast = true
    }
    this.#wake()
  }

  async #until (isDone: () => boolean, ms: number): Promise<void> {
    if (isDone() || this.#isOver) return
    await new Promise<void>(resolve => {
      const waiter = { isDone, resolve: () => { clearTimeout(timer); resolve() } }
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter(each => each !== waiter)
        resolve()
      }, ms)
      this.#waiters.push(waiter)
    })
  }

  #wake (): void {
    const done = this.#waiters.filter(({ isDone }) => this.#isOver || isDone())
    if (done.length === 0) return
    this.#waiters = this.#waiters.filter(waiter => !done.includes(waiter))
    for (const { resolve } of done) resolve()
  }
}
