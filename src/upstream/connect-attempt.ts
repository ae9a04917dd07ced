/**
 * One attempt to open a connection, with a connect timeout over all its steps: DNS, TCP, tunnel, TLS. It ends once, and a failure leaves
 * no socket open.
 */
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../clock.ts'
import { ConnectionEndedError, ConnectTimeoutError } from './errors.ts'

/** The target of a connection: the parts of a URL's origin, an IPv6 address in `hostname` without brackets. */
export interface ConnectTarget {
  readonly protocol: string
  readonly host: string
  readonly hostname: string
  /** Empty for the default port of the protocol. */
  readonly port: string
}

/** Called with the outcome of an attempt, once, and never before the call that started it has returned. */
export type ConnectCallback = (...outcome: [error: Error, socket: null] | [error: null, socket: Socket]) => void

/** Opens a connection. Errors keep the codes of Node.js and OpenSSL; the socket always has a listener for `error`. */
export type Connector = (target: ConnectTarget, callback: ConnectCallback) => void

/** Translates an error for the code that requested the connection. */
export type Explain = (error: Error) => Error

export interface ConnectAttemptOptions {
  readonly clock: Clock
  /** Limit for all steps together, in milliseconds. */
  readonly timeoutMs: number
  /** Translates the timeout, and errors of sockets that are watched without their own translation. */
  readonly explain: Explain
  readonly callback: ConnectCallback
}

/** An attempt, in progress or over. */
export class ConnectAttempt {
  readonly #clock: Clock
  readonly #timer: Timer
  readonly #explain: Explain
  readonly #abortController = new AbortController()
  #callback: ConnectCallback | undefined
  #sockets: Socket[] = []

  constructor ({ callback, clock, explain, timeoutMs }: ConnectAttemptOptions) {
    this.#callback = callback
    this.#clock = clock
    this.#explain = explain
    this.#timer = clock.setTimeout(() => { this.fail(explain(new ConnectTimeoutError())) }, timeoutMs)
  }

  /** Aborts when the attempt fails. */
  get signal (): AbortSignal {
    return this.#abortController.signal
  }

  /** Runs one step. If it throws, the attempt fails asynchronously, like every failure. */
  step (run: () => void): void {
    try {
      run()
    } catch (error) {
      setImmediate(() => { this.fail(error as Error) })
    }
  }

  /**
   * Ties this socket to the attempt: an error of the socket fails the attempt, and a failed attempt destroys the socket. The listener for
   * `error` stays: an `error` without a listener would end the process.
   */
  watch (socket: Socket, explain: Explain = this.#explain): void {
    socket.on('error', error => { this.fail(explain(error)) })
    socket.once('close', () => { this.fail(explain(new ConnectionEndedError())) })
    if (this.#callback === undefined) socket.destroy()
    else this.#sockets.push(socket)
  }

  /** Hands over the socket. */
  succeed (socket: Socket): void {
    const callback = this.#end()
    if (callback === undefined) socket.destroy()
    else callback(null, socket)
  }

  /** Destroys what was opened and reports the error, unless the attempt is over. */
  fail (error: Error): void {
    const sockets = this.#sockets
    const callback = this.#end()
    if (callback === undefined) return
    this.#abortController.abort(error)
    // The top layer first: a TLS socket cannot close cleanly over a destroyed socket.
    for (const socket of sockets.reverse()) socket.destroy()
    callback(error, null)
  }

  /** Drops all references: the listeners of a long-lived socket keep this object in memory. */
  #end (): ConnectCallback | undefined {
    const callback = this.#callback
    this.#callback = undefined
    this.#sockets = []
    this.#clock.clearTimeout(this.#timer)
    return callback
  }
}
