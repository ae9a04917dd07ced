/**
 * The end of a request body: it is reached when every byte was read and the client is still connected after that. Until then the last
 * piece is held back, because AMSU does not process a request without its last byte.
 */

/** What is known of a body before it is read. */
export interface BodyEndOptions {
  /** The declared length; undefined with chunked coding, whose last piece is the last chunk, which has no bytes. */
  readonly lengthBytes: number | undefined
}

/** Watches for the end of one body. */
export class BodyEnd {
  readonly #options: BodyEndOptions
  readonly #onReached: () => void
  #isComplete = false
  #isConfirming = false
  #isConfirmed = false
  #isReached = false
  #isStopped = false

  /** @param onReached called once, when the last piece may be sent */
  constructor (options: BodyEndOptions, onReached: () => void) {
    this.#options = options
    this.#onReached = onReached
  }

  /** Whether the last piece may be sent. */
  get isReached (): boolean {
    return this.#isReached
  }

  /** Whether a body of so many bytes has all of its declared length. */
  isWhole (bytes: number): boolean {
    return bytes === this.#options.lengthBytes
  }

  /** A chunk was read; `bytes` counts it and all before. Returns whether it is the last piece. */
  add (bytes: number): boolean {
    const isLast = this.isWhole(bytes)
    if (isLast) this.#confirm()
    return isLast
  }

  /** The client has sent all. */
  complete (): void {
    this.#isComplete = true
    if (this.#isConfirming) this.#reach()
    else this.#confirm()
  }

  /** Nobody waits for the end any longer. */
  stop (): void {
    this.#isStopped = true
  }

  /** If the client has disconnected, that comes after the last byte of the body: Node notices it only at the next poll of the sockets. */
  #confirm (): void {
    this.#isConfirming = true
    afterPoll(() => {
      this.#isConfirmed = true
      this.#reach()
    })
  }

  #reach (): void {
    if (!this.#isComplete || !this.#isConfirmed || this.#isStopped) return
    this.#isReached = true
    this.#onReached()
  }
}

/** Calls back after Node has polled the sockets: it does so between two immediates. */
function afterPoll (callback: () => void): void {
  setImmediate(() => { setImmediate(callback) })
}
