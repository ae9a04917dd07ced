/**
 * A caller's request body on its way to AMSU. undici takes a stream for a body and destroys it when the exchange ends; destroying
 * an `IncomingMessage` would tear down the caller's connection before the answer is written. This stands between the two: it
 * has the few methods undici calls, counts, keeps the limit, and lets go of the request when undici is done with it.
 */
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { ReplayBuffer } from './replay-buffer.ts'

export interface UploadOptions {
  /** Most bytes that are read. */
  readonly limitBytes: number
  /** Keeps the body for a second sending. */
  readonly replay: ReplayBuffer
  /** Called when one of the two sides moves: for every chunk, before it is passed on, and when AMSU can take more. */
  readonly onProgress: () => void
  /** Called once, instead of passing on the chunk that crosses the limit. */
  readonly onTooLarge: () => void
}

/** A readable stream as far as undici looks: `on`, `pipe`, `pause`, `resume`, `destroy`. Reads nothing before the first `resume()`. */
export class Upload extends EventEmitter {
  readonly #source: IncomingMessage
  readonly #options: UploadOptions
  #isAttached = false
  #isPaused = false
  #bytes = 0
  /** Part of the contract with undici. */
  destroyed = false

  constructor (source: IncomingMessage, options: UploadOptions) {
    super()
    this.#source = source
    this.#options = options
  }

  /** Bytes read from the caller so far. */
  get bytes (): number {
    return this.#bytes
  }

  /** Whether AMSU, not the caller, is what this waits for. */
  get isPaused (): boolean {
    return this.#isPaused
  }

  /** Marks this as a stream for undici, which never calls it. */
  pipe (): never {
    throw new TypeError('an upload is read by events')
  }

  /** Starts or goes on reading from the caller. */
  resume (): this {
    if (this.destroyed) return this
    if (!this.#isAttached) {
      this.#isAttached = true
      this.#source.on('data', this.#onData)
      this.#source.on('end', this.#onEnd)
    }
    this.#isPaused = false
    this.#options.onProgress()
    this.#source.resume()
    return this
  }

  /** Stops reading, so that a slow upstream slows the caller down. */
  pause (): this {
    this.#isPaused = true
    this.#source.pause()
    return this
  }

  /** Lets go of the request; its connection lives on. */
  destroy (): this {
    if (this.destroyed) return this
    this.destroyed = true
    this.#source.off('data', this.#onData)
    this.#source.off('end', this.#onEnd)
    this.emit('close')
    return this
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length
    if (this.#bytes > this.#options.limitBytes) {
      this.#options.onTooLarge()
      return
    }
    this.#options.onProgress()
    this.#options.replay.add(chunk)
    this.emit('data', chunk)
  }

  readonly #onEnd = (): void => {
    this.emit('end')
  }
}
