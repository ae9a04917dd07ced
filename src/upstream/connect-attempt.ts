/**
 * One attempt to open a connection, whatever it takes: DNS, TCP, a tunnel, TLS. It has one timeout over all of them, ends once, and
 * leaves no socket open behind a failure.
 */
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../clock.ts'
import { ConnectionEndedError, ConnectTimeoutError } from './errors.ts'

/** Where a connection leads: the parts of a URL's origin, an IPv6 address in `hostname` without brackets. */
export interface ConnectTarget {
  readonly protocol: string
  readonly host: string
  readonly hostname: string
  /** Empty for the default port of the protocol. */
  readonly port: string
}

/** Told the outcome of an attempt, once and never before the call that started it has returned. */
export type ConnectCallback = (...outcome: [error: Error, socket: null] | [error: null, socket: Socket]) => void

/** Opens a connection. Errors keep the codes of Node.js and OpenSSL; the socket always has a listener for `error`. */
export type Connector = (target: ConnectTarget, callback: ConnectCallback) => void

/** Says what an error means to whoever asked for the connection. */
export type Explain = (error: Error) => Error

export interface ConnectAttemptOptions {
  readonly clock: Clock
  /** Limit for all of it, in milliseconds. */
  readonly timeoutMs: number
  /** Explains the timeout, and the failure of a socket that is watched without an explanation of its own. */
  readonly explain: Explain
  readonly callback: ConnectCallback
}

/** An attempt that is under way or over. */
export class ConnectAttempt {
  readonly #clock: Clock
  readonly #timer: Timer
  readonly #explain: Explain
  readonly #giveUp = new AbortController()
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
    return this.#giveUp.signal
  }

  /** Runs one step; what it throws fails the attempt, later, as every failure comes. */
  step (run: () => void): void {
    try {
      run()
    } catch (error) {
      setImmediate(() => { this.fail(error as Error) })
    }
  }

  /**
   * From now on the attempt fails with this socket, and the socket is destroyed with the attempt. The listener for `error` stays: an
   * error without one would end the process.
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
    this.#giveUp.abort(error)
    // The layer on top first: a TLS socket cannot close cleanly over a socket that is gone.
    for (const socket of sockets.reverse()) socket.destroy()
    callback(error, null)
  }

  /** Forgets everything: the listeners of a socket that lives for minutes hold this object. */
  #end (): ConnectCallback | undefined {
    const callback = this.#callback
    this.#callback = undefined
    this.#sockets = []
    this.#clock.clearTimeout(this.#timer)
    return callback
  }
}
