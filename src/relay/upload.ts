/**
 * A caller's request body on its way to AMSU: it counts, keeps the limit, and lets go of the request when its connection is done
 * with it. The `IncomingMessage` itself is not handed on: to destroy it would tear down the caller's connection before the answer
 * is written.
 */
import type { IncomingMessage } from 'node:http'
import type { BodySink, BodySource } from '../upstream/delivery.ts'

export interface UploadOptions {
  /** Most bytes that are read. */
  readonly limitBytes: number
  /** Shown every chunk; tells whether it is kept for a second sending. */
  readonly keep: (chunk: Buffer) => boolean
  /** Called when one of the two sides moves: for every chunk, before it is passed on, and when AMSU can take more. */
  readonly onProgress: () => void
  /** Called once, instead of passing on the chunk that crosses the limit. */
  readonly onTooLarge: () => void
}

/** A body that is read from a request, and not before it is started. */
export class Upload implements BodySource {
  readonly #source: IncomingMessage
  readonly #options: UploadOptions
  #sink: BodySink | undefined
  #isPaused = false
  #bytes = 0

  constructor (source: IncomingMessage, options: UploadOptions) {
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

  start (sink: BodySink): void {
    this.#sink = sink
    this.#source.on('data', this.#onData)
    this.#source.on('end', this.#onEnd)
    this.resume()
  }

  resume (): void {
    if (this.#sink === undefined) return
    this.#isPaused = false
    this.#options.onProgress()
    this.#source.resume()
  }

  /** Lets go of the request; its connection lives on. */
  destroy (): void {
    this.#sink = undefined
    this.#source.off('data', this.#onData)
    this.#source.off('end', this.#onEnd)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length
    if (this.#bytes > this.#options.limitBytes) {
      this.#options.onTooLarge()
      return
    }
    this.#options.onProgress()
    const isKept = this.#options.keep(chunk)
    if (this.#sink?.write(chunk, !isKept) !== false) return
    // A slow upstream slows the caller down.
    this.#isPaused = true
    this.#source.pause()
  }

  readonly #onEnd = (): void => {
    this.#sink?.end()
  }
}
