/**
 * Non-blocking writes to the descriptor of a file or a terminal. Bytes that are not written (EAGAIN of a paused terminal, ENOSPC of a
 * full disk, a short write) are queued and written later, so that a line is never truncated.
 *
 * Writes are synchronous, because an asynchronous write uses a thread: waking it and being woken by it cost three times as much as
 * the write, and a blocked thread would delay the end of the process. The kernel buffers writes to a file and does not wait for the
 * disk.
 */
import { writeSync } from 'node:fs'
import { delay, type Clock, type Timer } from '../clock.ts'

/** The first and the longest pause before a retry, in milliseconds. Each pause is twice the last one, until some bytes are written. */
const MIN_PAUSE_MS = 5
const MAX_PAUSE_MS = 250

/** How many queued bytes are written in one turn of the event loop. */
const MAX_TURN_BYTES = 262_144

/** Writes text in order. The descriptor stays open. */
export class DescriptorWriter {
  readonly #descriptor: number
  readonly #clock: Clock
  readonly #onEmpty: () => void
  #queue: Buffer[] = []
  #queuedBytes = 0
  #pauseMs = MIN_PAUSE_MS
  #timer: Timer | undefined
  /** Whether the last write failed with an error other than EAGAIN. */
  #isBroken = false

  /**
   * @param descriptor of a file, or of a terminal that was opened with O_NONBLOCK
   * @param onEmpty is called when the queue has been written
   */
  constructor (descriptor: number, clock: Clock, onEmpty: () => void) {
    this.#descriptor = descriptor
    this.#clock = clock
    this.#onEmpty = onEmpty
  }

  /** Bytes that are not written yet. */
  get queuedBytes (): number {
    return this.#queuedBytes
  }

  /** Writes now, or after the queued bytes. */
  write (text: string): void {
    const bytes = Buffer.from(text)
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
    if (this.#timer === undefined) this.#flush()
  }

  /** Resolves when the queue is empty, when a write fails, or after `timeoutMs`. */
  async settle (timeoutMs: number): Promise<void> {
    const end = this.#clock.monotonic() + timeoutMs
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#flush()
    while (this.#queuedBytes > 0 && !this.#isBroken && this.#clock.monotonic() < end) await delay(MIN_PAUSE_MS, this.#clock)
  }

  #flush (): void {
    this.#timer = undefined
    const before = this.#queuedBytes
    this.#writeQueue()
    if (this.#queuedBytes === 0) {
      this.#pauseMs = MIN_PAUSE_MS
      return
    }
    this.#pauseMs = this.#queuedBytes < before ? MIN_PAUSE_MS : Math.min(this.#pauseMs * 2, MAX_PAUSE_MS)
    this.#timer = this.#clock.setTimeout(() => {
      this.#flush()
      if (this.#queuedBytes === 0) this.#onEmpty()
    }, this.#pauseMs)
  }

  /** Writes as much as possible without waiting, and keeps the rest. */
  #writeQueue (): void {
    let done = 0
    let turnBytes = 0
    this.#isBroken = false
    try {
      while (done < this.#queue.length && turnBytes < MAX_TURN_BYTES) {
        const bytes = this.#queue[done] as Buffer
        const written = writeSync(this.#descriptor, bytes)
        if (written === 0) break // no event tells when more could be written
        turnBytes += written
        this.#queuedBytes -= written
        if (written < bytes.length) this.#queue[done] = bytes.subarray(written)
        else done++
      }
    } catch (error) {
      this.#isBroken = (error as NodeJS.ErrnoException).code !== 'EAGAIN'
    }
    this.#queue.splice(0, done)
  }
}
