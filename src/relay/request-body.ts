/**
 * Request body upload with backpressure and replay. One object per exchange, shared by its attempts, is the only owner of the body: it
 * reads it from the client with backpressure, streams it to AMSU, keeps it while a replay may need it, and releases its memory.
 *
 * Its last piece is held back until the client's socket has been polled once more: a client that has left is seen only then, and a
 * request without its last byte is one that AMSU does not process.
 *
 * The `IncomingMessage` itself is not handed over: destroying it would close the client's connection before the response is written.
 */
import type { IncomingMessage } from 'node:http'
import type { BodySink, BodySource } from '../upstream/pending-request.ts'
import { BodyEnd, type BodyEndOptions } from './body-end.ts'
import { ReplayBuffer, type ReplayBudget } from './replay-buffer.ts'

/** No chunk that Node reads is longer. */
const MAX_CHUNK_BYTES = 65_536

export interface RequestBodyOptions extends BodyEndOptions {
  /** Limit of the body's size. */
  readonly limitBytes: number
  /** The memory for kept bodies. */
  readonly replayBudget: ReplayBudget
  /** Called when the client sends or AMSU takes something. */
  readonly onProgress: () => void
  /** Called once, instead of forwarding the chunk that exceeds the limit. */
  readonly onTooLarge: () => void
}

/** The body of one request, read on demand. */
export class RequestBody implements BodySource {
  readonly #source: IncomingMessage
  readonly #options: RequestBodyOptions
  readonly #kept: ReplayBuffer
  /** Chunks that were read before there was a connection, and are not kept for a replay. */
  #unkept: readonly Buffer[] | undefined
  #onReady: (() => void) | undefined
  #onCollected: ((isComplete: boolean) => void) | undefined
  #sink: BodySink | undefined
  #isReading = false
  #isReady = false
  #isStarted = false
  #isPaused = false
  #bytes = 0
  readonly #end: BodyEnd
  /** The last piece, while it is held back. */
  #held: Buffer | undefined

  constructor (source: IncomingMessage, options: RequestBodyOptions) {
    this.#source = source
    this.#options = options
    this.#kept = new ReplayBuffer(options.replayBudget)
    this.#end = new BodyEnd(options, () => { this.#onReached() })
  }

  /** Bytes read from the client so far. */
  get bytes (): number {
    return this.#bytes
  }

  /** Whether backpressure from AMSU has paused the client. */
  get isPaused (): boolean {
    return this.#isPaused
  }

  /**
   * Calls back when the first chunk has arrived and can be sent, or the body turns out to be empty: a body of one piece is ready at its
   * end.
   */
  whenReady (onReady: () => void): void {
    if (this.#isReady) {
      onReady()
      return
    }
    this.#onReady = onReady
    this.#read()
  }

  /** Reads what fits the replay buffer while nothing can be sent yet: Node reports a disconnect only after the body has been read. */
  readAhead (): void {
    if (!this.#isStarted && !this.#isReading) this.#read()
  }

  /** The body for the next attempt: the stream if nothing was sent yet, else the kept bytes. Throws without those, to never send half a body. */
  forAttempt (): BodySource | Buffer {
    if (!this.#isStarted) return this
    const body = this.#end.isReached ? this.#kept.body() : undefined
    if (body === undefined) throw new Error('the complete body is not kept')
    return body
  }

  /** Whether a replay is possible so far: every byte that was read is kept. */
  get isKept (): boolean {
    return this.#kept.isComplete
  }

  /** Whether the body is read for a replay without being sent. */
  get isCollecting (): boolean {
    return this.#onCollected !== undefined
  }

  /** Reads the remainder without sending it, so that a replay has the complete body. */
  collect (onCollected: (isComplete: boolean) => void): void {
    this.#sink = this.#held = undefined
    if (this.#end.isReached || !this.#kept.isComplete) {
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
    const chunks = this.#unkept ?? this.#kept.chunks ?? []
    this.#unkept = undefined
    const isHeldBack = this.#end.isWhole(this.#bytes) && !this.#end.isReached
    const last = chunks.at(-1)
    let hasRoom = true
    for (const chunk of isHeldBack ? chunks.slice(0, -1) : chunks) hasRoom = sink.write(chunk, !this.#kept.isComplete)
    if (isHeldBack && last !== undefined) {
      // Holds back one byte and writes the others: a request that has taken a connection must write to it at once.
      sink.write(last.subarray(0, -1), false)
      this.#held = last.subarray(-1)
    }
    if (this.#end.isReached) this.#sendEnd()
    else if (hasRoom) this.resume()
    else this.#pause()
  }

  resume (): void {
    if (this.#sink === undefined) return
    this.#isPaused = false
    this.#options.onProgress()
    this.#source.resume()
  }

  /** The upstream connection takes no more. The client's connection stays open. */
  destroy (): void {
    this.#sink = this.#held = undefined
    this.#source.pause()
  }

  /** Stops sending: no attempt and no replay waits for the body any longer. */
  stop (): void {
    this.#end.stop()
    this.#sink = this.#held = this.#onReady = this.#onCollected = undefined
  }

  /** Releases the kept bytes: AMSU has responded, and there will be no replay. */
  release (): void {
    this.#kept.release()
  }

  /** The exchange is over. */
  close (): void {
    this.stop()
    this.#unkept = undefined
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
    this.#pass(chunk, this.#end.add(this.#bytes))
  }

  #pass (chunk: Buffer, isLast: boolean): void {
    const before = this.#kept.chunks
    const isKept = this.#kept.add(chunk)
    if (this.#sink !== undefined) {
      if (isLast) this.#held = chunk
      else if (!this.#sink.write(chunk, !isKept)) this.#pause()
    } else if (this.#onCollected !== undefined) {
      if (!isKept) this.#notifyCollected(false)
    } else if (!this.#isStarted) {
      if (!isKept) this.#unkept = [...before ?? [], chunk]
      // This may start the upload, if an attempt waits for the first chunk.
      if (!isLast) this.#notifyReady()
      // A paused stream would not tell its end.
      if (!isLast && !this.#isStarted && !this.#kept.hasRoom(MAX_CHUNK_BYTES)) this.#source.pause()
    }
  }

  readonly #onEnd = (): void => { this.#end.complete() }

  #onReached (): void {
    this.#notifyReady()
    this.#notifyCollected(true)
    this.#sendEnd()
  }

  /** Sends the last piece and the end, if an attempt is under way. */
  #sendEnd (): void {
    const sink = this.#sink
    if (sink === undefined) return
    const held = this.#held
    this.#sink = this.#held = undefined
    if (held !== undefined) sink.write(held, !this.#kept.isComplete)
    sink.end()
  }

  #notifyReady (): void {
    this.#isReady = true
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
