/**
 * One connection to AMSU, which carries one request after the other, and never two at a time: a request behind another would be
 * lost with it, and nobody could tell whether it was charged.
 */
import type { Socket } from 'node:net'
import type { BodySource, Carrier, Delivery } from './delivery.ts'
import { ConnectionEndedError } from './errors.ts'
import { keepReadable } from './failed-writes.ts'
import { RequestWriter } from './request-writer.ts'
import { ResponseReader } from './response-reader.ts'

/** Told what becomes of a connection. */
export interface ConnectionOwner {
  /** It can carry another request. */
  onFree: (connection: Connection) => void
  /** It is gone. */
  onClosed: (connection: Connection) => void
}

/** An open connection. */
export class Connection implements Carrier {
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #reader = new ResponseReader()
  readonly #writer: RequestWriter
  #delivery: Delivery | undefined
  #body: BodySource | undefined
  #isSent = false
  #isLast = false
  #isReused = false
  #isClosed = false
  #keepAliveMs: number | undefined
  #error: Error | undefined
  /** When it was made, in milliseconds of the owner's clock. */
  readonly connectedAtMs: number
  /** When it is given up, if it carries nothing until then; the owner's. */
  idleUntilMs = Infinity
  /** What it carries next; the owner's. */
  next: Delivery | undefined

  constructor (socket: Socket, owner: ConnectionOwner, connectedAtMs: number) {
    this.#socket = socket
    this.#owner = owner
    this.connectedAtMs = connectedAtMs
    this.#writer = new RequestWriter(socket)
    keepReadable(socket, error => { this.#onFailedWrite(error) })
    socket.on('data', (bytes: Buffer) => { this.#onData(bytes) })
    socket.on('drain', () => { this.#body?.resume() })
    socket.on('error', error => { this.#error ??= error })
    socket.on('end', () => { this.#onEnd() })
    socket.on('close', () => { this.fail(this.#error ?? new ConnectionEndedError()) })
  }

  /** Whether it can carry nothing more. */
  get isClosed (): boolean {
    return this.#isClosed
  }

  /** How long AMSU keeps it when it is idle, in milliseconds, if it said so with its last answer. */
  get keepAliveMs (): number | undefined {
    return this.#keepAliveMs
  }

  /**
   * Carries a request; it must be free.
   *
   * @param isLast whether it ends afterwards
   */
  carry (delivery: Delivery, isLast: boolean): void {
    delivery.boards(this)
    this.#delivery = delivery
    this.#isSent = false
    try {
      if (!delivery.listener.onConnected(this.#isReused)) this.#decline(delivery)
      else if (!this.#isClosed) this.#send(delivery, isLast)
    } catch (error) {
      this.fail(error as Error)
    }
  }

  /** Reads on, after the listener could take no more. */
  resume (): void {
    this.#socket.resume()
  }

  /** Cuts it; whoever waits for an answer on it hears nothing. */
  close (): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#letGo()
    this.#reader.forget()
    this.#socket.destroy()
    this.#owner.onClosed(this)
  }

  /** Cuts it; whoever waits for an answer on it hears why. */
  fail (cause: Error): void {
    const delivery = this.#delivery
    this.close()
    delivery?.fail(cause)
  }

  #decline (delivery: Delivery): void {
    this.#delivery = undefined
    delivery.end()
    this.#owner.onFree(this)
  }

  #send ({ listener, request }: Delivery, isLast: boolean): void {
    this.idleUntilMs = Infinity
    this.#body = Buffer.isBuffer(request.body) ? undefined : request.body
    this.#isReused = true
    this.#isLast = isLast
    this.#reader.begin(request.method, listener)
    this.#writer.send(request, isLast, () => {
      this.#isSent = true
      listener.onSent()
    })
  }

  #onData (bytes: Buffer): void {
    const delivery = this.#delivery
    if (delivery === undefined) {
      // An answer nobody asked for would be taken for that of the next request (CVE-2026-6733).
      this.close()
      return
    }
    try {
      const length = this.#reader.read(bytes)
      if (this.#delivery !== delivery) return
      if (this.#reader.isWhole) this.#finish(delivery, length === bytes.length)
      else if (this.#reader.isHeldUp) this.#socket.pause()
    } catch (error) {
      this.fail(error as Error)
    }
  }

  /** AMSU takes no more of the request; what it has responded may still lie unread. */
  #onFailedWrite (cause: Error): void {
    this.#error ??= cause
    this.#body?.destroy()
    this.#body = undefined
    this.#isLast = true
  }

  /** AMSU has closed its side: nothing more will come, and nobody reads what is still being written. */
  #onEnd (): void {
    const delivery = this.#delivery
    // After a failed write the end is that of a reset: a body that ends with the connection may have lost its rest.
    const isWhole = this.#error === undefined && this.#reader.end()
    if (delivery !== undefined && isWhole) this.#finish(delivery, true)
    else this.fail(this.#error ?? new ConnectionEndedError())
  }

  /** @param isClean whether nothing came behind the answer */
  #finish (delivery: Delivery, isClean: boolean): void {
    const head = this.#reader.forget()
    // What is still being written would stand before the next request.
    const isSent = this.#isSent && this.#socket.writableLength === 0
    const isFree = isClean && isSent && !this.#isLast && head?.isPersistent === true && !this.#socket.destroyed
    this.#keepAliveMs = head?.keepAliveMs
    this.#letGo()
    delivery.end()
    if (isFree) this.#owner.onFree(this)
    else this.close()
    delivery.listener.onEnd()
  }

  #letGo (): void {
    const body = this.#body
    this.#delivery = undefined
    this.#body = undefined
    if (!this.#isSent) body?.destroy()
  }
}
