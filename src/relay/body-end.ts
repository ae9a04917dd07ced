/**
 * The end of a request body: it is reached when every byte was read, the client is still connected after that, and the call may be made.
 * Until then the last piece is held back, because AMSU does not process a request without its last byte.
 */

/** Examines a body while it is read. */
export interface BodyExaminer {
  /** A chunk was read. It is neither kept nor changed. */
  update: (chunk: Buffer) => void
  /** The whole body was read, and its last piece was not sent. Returns whether the request may be sent; otherwise the body stops. */
  admits: () => boolean
}

export interface BodyEndOptions {
  /** The declared length; undefined with chunked coding, whose last piece is the last chunk, which has no bytes. */
  readonly lengthBytes: number | undefined
  /** For a body that must be known whole before its last piece is sent. @default it need not be known */
  readonly examiner?: BodyExaminer | undefined
}

/** Watches for the end of one body. */
export class BodyEnd {
  readonly #options: BodyEndOptions
  readonly #onReached: () => void
  readonly #onRefused: () => void
  #isComplete = false
  #isConfirming = false
  #isConfirmed = false
  #isReached = false
  #isStopped = false

  /**
   * @param onReached called once, when the last piece may be sent
   * @param onRefused called instead if the request may not be sent
   */
  constructor (options: BodyEndOptions, onReached: () => void, onRefused: () => void) {
    this.#options = options
    this.#onReached = onReached
    this.#onRefused = onRefused
  }

  /** Whether the last piece may be sent. */
  get isReached (): boolean {
    return this.#isReached
  }

  /** Whether the body is examined. */
  get isExamined (): boolean {
    return this.#options.examiner !== undefined
  }

  /** Whether a body of so many bytes has all of its declared length. */
  isWhole (bytes: number): boolean {
    return bytes === this.#options.lengthBytes
  }

  /** Whether the end is near: nothing more of the body is expected than the confirmation that it may be sent. */
  isNear (bytes: number): boolean {
    return this.#isComplete || this.isWhole(bytes)
  }

  /** A chunk was read; `bytes` counts it and all before. Returns whether it is the last piece. */
  add (chunk: Buffer, bytes: number): boolean {
    this.#options.examiner?.update(chunk)
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
    this.#isReached = this.#options.examiner?.admits() !== false
    if (this.#isReached) this.#onReached()
    else this.#onRefused()
  }
}

/** Calls back after Node has polled the sockets: it does so between two immediates. */
export function afterPoll (callback: () => void): void {
  setImmediate(() => { setImmediate(callback) })
}
