/**
 * Lingering close (nginx's word): how a client's connection is closed after its last response. Closing a socket while data is still
 * arriving makes the kernel reset the connection, and the reset destroys what the client has not read yet. So the proxy closes its own
 * side first, and discards incoming data until the client closes its side too or has been silent for a while (RFC 9112 section 9.6).
 */
import type { Socket } from 'node:net'
import { WriteStallDetector } from './write-stall.ts'

/** Times of a lingering close, in milliseconds. */
interface LingerTimes {
  /** How long it lingers while nothing arrives. */
  readonly silenceMs: number
  /**
   * How long a TLS client that has closed its side may read nothing. Node loses the error if the session tickets cannot be written because
   * the client has reset the connection: all later writes wait forever, and nothing reports that the connection is gone.
   */
  readonly tlsStallMs: number
  /** How often both are checked. */
  readonly checkMs: number
}

const LINGER_TIMES: LingerTimes = { silenceMs: 2_000, tlsStallMs: 5_000, checkMs: 250 }

/** How much is discarded, and for how long. A client that has written more by then finds the response before the reset, if it reads. */
const DEFAULT_LIMIT = { bytes: 4 * 1_048_576, ms: 120_000 }

/** A client that passed the checks may write its complete body before it reads: 100 MB take a quarter of an hour at 1 Mbit/s. */
const ACCEPTED_LIMIT = { bytes: Infinity, ms: 900_000 }

/** What Node's own `onIncoming` returns for an upgrade, to stop the parser behind its head. */
const STOP_PARSING = 2

const LINGERING = Symbol('lingering close')

/** A socket with its lingering close, and Node's parser. */
interface LingeringSocket extends Socket { [LINGERING]?: LingeringClose, readonly parser?: { onIncoming: unknown } | null }

/** Closes one connection, once. Node closes a connection after its last response by `destroySoon`; {@link start} replaces that. */
export class LingeringClose {
  /** Limits of what is discarded. */
  limit = DEFAULT_LIMIT
  readonly #socket: LingeringSocket
  readonly #times: LingerTimes
  #isStarted = false
  #isDiscarding = false

  constructor (socket: LingeringSocket, times = LINGER_TIMES) {
    this.#socket = socket
    this.#times = times
    socket[LINGERING] = this
    socket.destroySoon = () => { this.start() }
  }

  /** Whether the connection is closing. */
  get isStarted (): boolean {
    return this.#isStarted
  }

  /** Closes the connection after the data written so far and `last`. */
  start (last = ''): void {
    if (this.#isStarted) return
    this.#isStarted = true
    // Node has ended it already if the client has closed its side.
    if (!this.#socket.writableEnded) this.#socket.end(last)
    this.discard()
    this.#watch()
  }

  /**
   * Takes over reading permanently: what arrives from now on is not a request. Node's parser reads a plain socket past its stream, pauses
   * it for its own reasons (an unread body, a response under backpressure), and asserts that nothing arrives then, so it must not see these
   * bytes. They are still read, because a disconnect is reported only after them.
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
    // The stream assumes that it is being read, because the parser did that. Only this call starts it again.
    socket._read(0)
  }

  /**
   * Discards also what Node's parser has read. It would make a request of each head there, and Node keeps those until the connection
   * closes: 64 KiB of short heads take megabytes. Its `pause` comes into effect only after all of them.
   */
  discardParsed (): void {
    this.discard()
    const { parser } = this.#socket
    if (parser != null) parser.onIncoming = () => STOP_PARSING
  }

  /** Destroys the socket after a silence, after a write stall of a TLS client that has left, or when lingering has lasted too long. */
  #watch (): void {
    const socket = this.#socket
    const { checkMs, silenceMs, tlsStallMs } = this.#times
    const writeStall = 'encrypted' in socket ? new WriteStallDetector() : undefined
    let seenBytes = socket.bytesRead
    let lingeredMs = 0
    let silentMs = 0
    const timer = setInterval(() => {
      const { bytesRead } = socket
      lingeredMs += checkMs
      // While data is still to be written, a response is in flight.
      silentMs = bytesRead === seenBytes && socket.writableFinished ? silentMs + checkMs : 0
      seenBytes = bytesRead
      const isStalled = socket.readableEnded && writeStall?.isStalled(socket, lingeredMs, tlsStallMs) === true
      if (isStalled || silentMs >= silenceMs || lingeredMs >= this.limit.ms) socket.destroy()
    }, checkMs)
    timer.unref()
    socket.once('close', () => { clearInterval(timer) })
  }
}

/** Applies the higher limit, for a client that passed the checks. */
export function lingerForAcceptedClient (socket: LingeringSocket): void {
  const lingering = socket[LINGERING]
  if (lingering !== undefined) lingering.limit = ACCEPTED_LIMIT
}
