/**
 * One keep-alive connection to AMSU: one request at a time, without pipelining. A pipelined request would be lost together with the one
 * before it, and nobody could tell whether it was charged.
 *
 * It retries nothing. What is retried after a stale connection (`ECONNRESET`) is decided in relay/exchange.ts.
 */
import type { Socket } from 'node:net'
import { ConnectionEndedError } from './errors.ts'
import { keepReadable } from './failed-writes.ts'
import type { BodySource, ConnectionHandle, PendingRequest } from './pending-request.ts'
import { RequestWriter } from './request-writer.ts'
import { probeForReset } from './reset-probe.ts'
import { ResponseParser } from './response-parser.ts'

/** Receives the state changes of a connection. */
export interface ConnectionOwner {
  /** The connection can take another request. */
  onIdle: (connection: Connection) => void
  /** The connection is closed. */
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
  /** When it was opened, in milliseconds of the owner's clock. */
  readonly connectedAtMs: number
  /** When it is closed if it stays idle; set by the owner. */
  idleUntilMs = Infinity
  /** The request it sends next; set by the owner. */
  next: PendingRequest | undefined

  constructor (socket: Socket, owner: ConnectionOwner, connectedAtMs: number) {
    this.#socket = socket
    this.#owner = owner
    this.connectedAtMs = connectedAtMs
    this.#writer = new RequestWriter(socket, () => { this.#body?.resume() })
    // When AMSU has closed its side, reset-probe.ts still writes to the socket. After that it is always closed.
    socket.allowHalfOpen = true
    keepReadable(socket, error => { this.#onFailedWrite(error) })
    socket.on('data', (bytes: Buffer) => { this.#onData(bytes) })
    socket.on('drain', () => { this.#body?.resume() })
    socket.on('error', error => { this.#onError(error) })
    socket.on('end', () => { this.#onEnd() })
    socket.on('close', () => { this.fail(this.#error ?? new ConnectionEndedError()) })
  }

  /** Whether the connection is closed. */
  get isClosed (): boolean {
    return this.#isClosed
  }

  /** The `Keep-Alive` timeout of AMSU's last response, in milliseconds, if it had one. */
  get keepAliveMs (): number | undefined {
    return this.#keepAliveMs
  }

  /**
   * Sends a request; the connection must be idle.
   *
   * @param closeAfter whether the connection closes after this request
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

  /** Resumes reading after backpressure. */
  resume (): void {
    this.#socket.resume()
  }

  /** Destroys the connection without telling the handler of the request in flight. */
  close (): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#releaseRequest()
    this.#parser.reset()
    this.#socket.destroy()
    this.#owner.onClosed(this)
  }

  /** Destroys the connection and fails the request in flight with `cause`. */
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
      // An unsolicited response would be taken for the response to the next request (CVE-2026-6733).
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

  /** Node tells of the close only after the turn in which the next request would be sent. */
  #onError (cause: Error): void {
    this.#error ??= cause
    if (this.#pending === undefined) this.close()
  }

  /** AMSU takes no more of the request. Its response may still be unread. */
  #onFailedWrite (cause: Error): void {
    this.#error ??= cause
    this.#body?.destroy()
    this.#body = undefined
    this.#closeAfter = true
  }

  /** AMSU has closed its side: nothing more arrives, and nobody reads what is still being written. */
  #onEnd (): void {
    const pending = this.#pending
    // If a write has failed before, AMSU has reset the connection: a body without length may be incomplete.
    if (pending === undefined || this.#error !== undefined || !this.#parser.end()) this.fail(this.#error ?? new ConnectionEndedError())
    else probeForReset(this.#socket, cause => { this.#onProbed(pending, this.#error ?? cause) })
  }

  #onProbed (pending: PendingRequest, cause: NodeJS.ErrnoException | undefined): void {
    if (this.#pending !== pending) return
    // A reset after AMSU has closed its side fails a write with EPIPE.
    if (cause?.code === 'ECONNRESET') this.fail(cause)
    else this.#finish(pending, true)
  }

  /** @param isClean whether no bytes follow the response */
  #finish (pending: PendingRequest, isClean: boolean): void {
    const head = this.#parser.reset()
    // Bytes that are still being written would precede the next request.
    const isSent = this.#isSent && this.#socket.writableLength === 0
    const isReusable = isClean && isSent && !this.#closeAfter && head?.isPersistent === true && !this.#socket.destroyed
    this.#keepAliveMs = head?.keepAliveMs
    this.#releaseRequest()
    pending.end()
    if (isReusable) this.#owner.onIdle(this)
    else this.close()
    pending.handler.onResponseEnd()
  }

  #releaseRequest (): void {
    const body = this.#body
    this.#pending = undefined
    this.#body = undefined
    if (!this.#isSent) body?.destroy()
  }
}
