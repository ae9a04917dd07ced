/**
 * Lingering close (nginx's word): how a client's connection ends after its last response. Closing a socket while bytes are still
 * arriving makes the kernel reset it, and the reset takes with it what the client has not read yet. So the connection ends its own side
 * first, and what arrives is discarded until the client has ended its side too, or has been silent for a while (RFC 9112 section 9.6).
 */
import type { Socket } from 'node:net'

/** How long it lingers while nothing arrives, and how often that is looked at. */
const LINGER_MS = 2_000
const LINGER_CHECK_MS = 250

/** How much is discarded, and how long. A client that has written more by then finds the response before the reset, if it reads. */
const STRANGER = { bytes: 4 * 1_048_576, ms: 120_000 }

/** A client that was let in may write all of its body before it reads: 100 MB take a quarter of an hour at 1 Mbit/s. */
const CALLER = { bytes: Infinity, ms: 900_000 }

const LINGERING = Symbol('lingering close')

/** Carries the way in which it ends. */
interface LingeringSocket extends Socket { [LINGERING]?: LingeringClose }

/** Ends one connection, once. Node ends a connection after its last response by `destroySoon`, which is replaced by {@link start}. */
export class LingeringClose {
  /** What is discarded at most. */
  limit = STRANGER
  readonly #socket: Socket
  #isStarted = false
  #isDiscarding = false

  constructor (socket: LingeringSocket) {
    this.#socket = socket
    socket[LINGERING] = this
    socket.destroySoon = () => { this.start() }
  }

  /** Whether the connection is ending. */
  get isStarted (): boolean {
    return this.#isStarted
  }

  /** Ends the connection, after what has been written and `last`. */
  start (last = ''): void {
    if (this.#isStarted) return
    this.#isStarted = true
    // Node ends it by itself when the client has ended its side.
    if (!this.#socket.writableEnded) this.#socket.end(last)
    this.discard()
    this.#watch()
  }

  /**
   * Takes over reading, for good: what arrives from now on is no request. Node's parser reads a plain socket past its stream, stops it for
   * reasons of its own (a body that nobody reads, a response that nobody takes), and asserts that nothing comes then: it must not see these
   * bytes. They are read all the same, because a client that leaves is noticed behind them only.
   */
  discard (): void {
    if (this.#isDiscarding) return
    this.#isDiscarding = true
    const socket = this.#socket
    const endBytes = socket.bytesRead + this.limit.bytes
    const pause = socket.pause.bind(socket)
    // A request that was read to here may still fill up with a body that nobody takes, and would stop the connection again.
    socket.pause = () => socket
    socket.removeAllListeners('data')
    socket.on('data', () => { if (socket.bytesRead > endBytes) pause() })
    socket.resume()
    // The stream believes that it is being read, because the parser did it: only this starts it again.
    socket._read(0)
  }

  /** Ends it after a silence, or when it has lasted too long. */
  #watch (): void {
    const socket = this.#socket
    let seenBytes = socket.bytesRead
    let lingeredMs = 0
    let silentMs = 0
    const timer = setInterval(() => {
      const { bytesRead } = socket
      lingeredMs += LINGER_CHECK_MS
      // What is not written yet is still a response in flight.
      silentMs = bytesRead === seenBytes && socket.writableFinished ? silentMs + LINGER_CHECK_MS : 0
      seenBytes = bytesRead
      if (silentMs >= LINGER_MS || lingeredMs >= this.limit.ms) socket.destroy()
    }, LINGER_CHECK_MS)
    timer.unref()
    socket.once('close', () => { clearInterval(timer) })
  }
}

/** Discards as much as a client may send that was let in. */
export function lingerForCaller (socket: LingeringSocket): void {
  const lingering = socket[LINGERING]
  if (lingering !== undefined) lingering.limit = CALLER
}
