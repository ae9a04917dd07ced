/**
 * One connection to AMSU, which carries one request after the other, and never two at a time: a request behind another would be
 * lost with it, and nobody could tell whether it was charged.
 */
import type { Socket } from 'node:net'
import { ConnectionEndedError } from './errors.ts'
import { keepReadable } from './failed-writes.ts'
import type { BodySource, ConnectionHandle, PendingRequest } from './pending-request.ts'
import { RequestWriter } from './request-writer.ts'
import { ResponseParser } from './response-parser.ts'

/** Told what becomes of a connection. */
export interface ConnectionOwner {
  /** It can carry another request. */
  onIdle: (connection: Connection) => void
  /** It is gone. */
  onClosed: (connection: Connection) => void
}

/** An open connection. */
export class Connection implements ConnectionHandle {
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #parser = new ResponseParser()
  readonly #writer: RequestWriter
  #pending: PendingRequest | undefined
  #body: BodySource | undefined
  #isSent = false
  #closeAfter = false
  #isReused = false
  #isClosed = false
  #keepAliveMs: number | undefined
  #error: Error | undefined
  /** When it was made, in milliseconds of the owner's clock. */
  readonly connectedAtMs: number
  /** When it is given up, if it carries nothing until then; the owner's. */
  idleUntilMs = Infinity
  /** What it carries next; the owner's. */
  next: PendingRequest | undefined

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
   * @param closeAfter whether it ends afterwards
   */
  dispatch (pending: PendingRequest, closeAfter: boolean): void {
    pending.assignTo(this)
    this.#pending = pending
    this.#isSent = false
    try {
      if (!pending.handler.onConnected(this.#isReused)) this.#decline(pending)
      else if (!this.#isClosed) this.#send(pending, closeAfter)
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
    this.#parser.reset()
    this.#socket.destroy()
    this.#owner.onClosed(this)
  }

  /** Cuts it; whoever waits for an answer on it hears why. */
  fail (cause: Error): void {
    const pending = this.#pending
    this.close()
    pending?.fail(cause)
  }

  #decline (pending: PendingRequest): void {
    this.#pending = undefined
    pending.end()
    this.#owner.onIdle(this)
  }

  #send ({ handler, request }: PendingRequest, closeAfter: boolean): void {
    this.idleUntilMs = Infinity
    this.#body = Buffer.isBuffer(request.body) ? undefined : request.body
    this.#isReused = true
    this.#closeAfter = closeAfter
    this.#parser.begin(request.method, handler)
    this.#writer.send(request, closeAfter, () => {
      this.#isSent = true
      handler.onRequestSent()
    })
  }

  #onData (bytes: Buffer): void {
    const pending = this.#pending
    if (pending === undefined) {
      // An answer nobody asked for would be taken for that of the next request (CVE-2026-6733).
      this.close()
      return
    }
    try {
      const length = this.#parser.read(bytes)
      if (this.#pending !== pending) return
      if (this.#parser.isComplete) this.#finish(pending, length === bytes.length)
      else if (this.#parser.isPaused) this.#socket.pause()
    } catch (error) {
      this.fail(error as Error)
    }
  }

  /** AMSU takes no more of the request; what it has responded may still lie unread. */
  #onFailedWrite (cause: Error): void {
    this.#error ??= cause
    this.#body?.destroy()
    this.#body = undefined
    this.#closeAfter = true
  }

  /** AMSU has closed its side: nothing more will come, and nobody reads what is still being written. */
  #onEnd (): void {
    const pending = this.#pending
    // After a failed write the end is that of a reset: a body that ends with the connection may have lost its rest.
    const isComplete = this.#error === undefined && this.#parser.end()
    if (pending !== undefined && isComplete) this.#finish(pending, true)
    else this.fail(this.#error ?? new ConnectionEndedError())
  }

  /** @param isClean whether nothing came behind the answer */
  #finish (pending: PendingRequest, isClean: boolean): void {
    const head = this.#parser.reset()
    // What is still being written would stand before the next request.
    const isSent = this.#isSent && this.#socket.writableLength === 0
    const isReusable = isClean && isSent && !this.#closeAfter && head?.isPersistent === true && !this.#socket.destroyed
    this.#keepAliveMs = head?.keepAliveMs
    this.#letGo()
    pending.end()
    if (isReusable) this.#owner.onIdle(this)
    else this.close()
    pending.handler.onResponseEnd()
  }

  #letGo (): void {
    const body = this.#body
    this.#pending = undefined
    this.#body = undefined
    if (!this.#isSent) body?.destroy()
  }
}
