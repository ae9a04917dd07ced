/**
 * Lingering close (nginx's word): how a client's connection ends after its last response. Closing a socket while bytes are still
 * arriving makes the kernel reset it, and the reset takes with it what the client has not read yet. So the connection ends its own side
 * first, and what arrives is discarded until the client has ended its side too, or has been silent for a while (RFC 9112 section 9.6).
 */
import type { Socket } from 'node:net'

/** How long it lingers while nothing arrives, how long at most, and how often that is looked at. */
const LINGER_MS = 2_000
const MAX_LINGER_MS = 120_000
const LINGER_CHECK_MS = 250

/** How much is discarded. A client that has written more by then finds the response before the reset, if it reads. */
const LINGER_BYTES = 4 * 1_048_576

const LINGERING = Symbol('lingering close')

/** Carries the way in which it ends. */
interface LingeringSocket extends Socket { [LINGERING]?: LingeringClose }

/** Ends one connection, once. Node ends a connection after its last response by `destroySoon`, which is replaced by {@link start}. */
export class LingeringClose {
  /** Bytes that are discarded at most. */
  limitBytes = LINGER_BYTES
  readonly #socket: Socket
  readonly #onStart: () => void
  #isStarted = false

  /** @param onStart lets go of what still holds up the bytes that arrive */
  constructor (socket: LingeringSocket, onStart: () => void) {
    this.#socket = socket
    this.#onStart = onStart
    socket[LINGERING] = this
    socket.destroySoon = () => { this.start() }
  }

  /** Whether the connection is ending. */
  get isStarted (): boolean {
    return this.#isStarted
  }

  /** Ends the connection, after what has been written and `last`. */
  start (last = ''): void {
    if (this.#isStarted || this.#socket.writableEnded) return
    this.#isStarted = true
    this.#socket.end(last)
    this.#onStart()
    this.#socket.resume()
    // Not before it reads again: a listener for `data` takes away by what Node's parser resumes a connection that it has paused.
    setImmediate(() => { this.#discard() })
  }

  #discard (): void {
    const socket = this.#socket
    const startBytes = socket.bytesRead
    let seenBytes = startBytes
    let lingeredMs = 0
    let silentMs = 0
    socket.on('data', () => { if (socket.bytesRead - startBytes > this.limitBytes) stopReading(socket) })
    const timer = setInterval(() => {
      const { bytesRead } = socket
      lingeredMs += LINGER_CHECK_MS
      // What is not written yet is still a response in flight.
      silentMs = bytesRead === seenBytes && socket.writableFinished ? silentMs + LINGER_CHECK_MS : 0
      seenBytes = bytesRead
      if (silentMs >= LINGER_MS || lingeredMs >= MAX_LINGER_MS) socket.destroy()
    }, LINGER_CHECK_MS)
    timer.unref()
    socket.once('close', () => { clearInterval(timer) })
  }
}

/** Discards whatever a client sends that was let in: it may write all of its body before it reads. */
export function lingerWithoutLimit (socket: LingeringSocket): void {
  const lingering = socket[LINGERING]
  if (lingering !== undefined) lingering.limitBytes = Infinity
}

/** Reads no more, whoever asks for it: Node resumes a socket at the end of each message. */
export function stopReading (socket: Socket): void {
  socket.pause()
  socket.resume = () => socket
}
