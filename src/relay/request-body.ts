/**
 * The body of one request, for as long as its exchange lasts. It is the only owner of the body's bytes: it reads them from the client
 * with backpressure, streams them to AMSU, keeps them while a retry may need them, and gives their memory back. Attempts come and go.
 *
 * The `IncomingMessage` itself is not handed on: to destroy it would close the client's connection before the response is written.
 */
import type { IncomingMessage } from 'node:http'
import type { BodySink, BodySource } from '../upstream/pending-request.ts'
import { ReplayBuffer, type ReplayBudget } from './replay-buffer.ts'

export interface RequestBodyOptions {
  /** Most bytes that are read. */
  readonly limitBytes: number
  /** The memory for bodies that are kept. */
  readonly replayBudget: ReplayBudget
  /** Called whenever one of the two sides moves. */
  readonly onProgress: () => void
  /** Called once, instead of passing on the chunk that crosses the limit. */
  readonly onTooLarge: () => void
}

/** A body that is read from a request, and not before it is asked for. */
export class RequestBody implements BodySource {
  readonly #source: IncomingMessage
  readonly #options: RequestBodyOptions
  readonly #kept: ReplayBuffer
  /** The first piece, until there is a connection to write it to. */
  #first: Buffer | undefined
  #onReady: (() => void) | undefined
  #onCollected: ((isComplete: boolean) => void) | undefined
  #sink: BodySink | undefined
  #isReading = false
  #isStarted = false
  #isComplete = false
  #isPaused = false
  #bytes = 0

  constructor (source: IncomingMessage, options: RequestBodyOptions) {
    this.#source = source
    this.#options = options
    this.#kept = new ReplayBuffer(options.replayBudget)
  }

  /** Bytes read from the client so far. */
  get bytes (): number {
    return this.#bytes
  }

  /** Whether AMSU, not the client, is what the body waits for. */
  get isPaused (): boolean {
    return this.#isPaused
  }

  /** Calls back as soon as the first piece is there, or the body has turned out to be empty. */
  whenReady (onReady: () => void): void {
    if (this.#first !== undefined || this.#isComplete) {
      onReady()
      return
    }
    this.#onReady = onReady
    this.#read()
  }

  /** What the next attempt sends: the stream if nothing of it was sent yet, else all of it, kept. Throws if that is not there: a request must not lose its body. */
  forAttempt (): BodySource | Buffer {
    if (!this.#isStarted) return this
    const body = this.#isComplete ? this.#kept.body() : undefined
    if (body === undefined) throw new Error('the body is not kept whole')
    return body
  }

  /** Whether a retry may be possible: everything that was read so far is kept. */
  get isKept (): boolean {
    return this.#kept.isComplete
  }

  /** Whether it is read without being sent. */
  get isCollecting (): boolean {
    return this.#onCollected !== undefined
  }

  /** Reads on without sending, so that a retry has the whole body. */
  collect (onCollected: (isComplete: boolean) => void): void {
    this.#sink = undefined
    if (this.#isComplete || !this.#kept.isComplete) {
      onCollected(this.#kept.isComplete)
      return
    }
    this.#onCollected = onCollected
    this.#options.onProgress()
    this.#read()
  }

  start (sink: BodySink): void {
    this.#isStarted = true
    this.#sink = sink
    const first = this.#first
    this.#first = undefined
    if (first !== undefined && !sink.write(first, !this.#kept.isComplete)) this.#pause()
    else if (this.#isComplete) sink.end()
    else this.resume()
  }

  resume (): void {
    if (this.#sink === undefined) return
    this.#isPaused = false
    this.#options.onProgress()
    this.#source.resume()
  }

  /** The connection takes no more. The client's connection lives on. */
  destroy (): void {
    this.#sink = undefined
    this.#source.pause()
  }

  /** Nothing more of it will be sent: neither an attempt nor a retry waits for it any longer. */
  stop (): void {
    this.#sink = this.#onReady = this.#onCollected = undefined
  }

  /** Stops keeping the body: AMSU has responded, and it will not be sent again. */
  release (): void {
    this.#kept.release()
  }

  /** The exchange is over. */
  close (): void {
    this.stop()
    this.#first = undefined
    this.#source.off('data', this.#onData)
    this.#source.off('end', this.#onEnd)
    this.#kept.release()
  }

  #read (): void {
    if (!this.#isReading) {
      this.#isReading = true
      this.#source.on('data', this.#onData)
      this.#source.on('end', this.#onEnd)
    }
    this.#source.resume()
  }

  /** Backpressure: a slow upstream slows the client down. */
  #pause (): void {
    this.#isPaused = true
    this.#source.pause()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length
    if (this.#bytes > this.#options.limitBytes) {
      this.#options.onTooLarge()
      return
    }
    this.#options.onProgress()
    const isKept = this.#kept.add(chunk)
    if (this.#sink !== undefined) {
      if (!this.#sink.write(chunk, !isKept)) this.#pause()
    } else if (this.#onCollected !== undefined) {
      if (!isKept) this.#notifyCollected(false)
    } else if (!this.#isStarted) {
      this.#first = chunk
      this.#source.pause()
      this.#notifyReady()
    }
  }

  readonly #onEnd = (): void => {
    this.#isComplete = true
    this.#sink?.end()
    this.#notifyReady()
    this.#notifyCollected(true)
  }

  #notifyReady (): void {
    const onReady = this.#onReady
    this.#onReady = undefined
    onReady?.()
  }

  #notifyCollected (isComplete: boolean): void {
    const onCollected = this.#onCollected
    this.#onCollected = undefined
    onCollected?.(isComplete)
  }
}
