/**
 * Non-blocking writes to the descriptor of a file or a terminal. What is not taken (EAGAIN of a terminal that is held, ENOSPC of a
 * full disk, a short write) waits here to the byte and is written later, so that a line is never cut.
 *
 * No thread stands between, as there would be with an asynchronous write: to wake it, and to be woken by it, cost three times what
 * the write did, and one that is held would hold up the end of the process. The kernel takes what goes to a file without waiting
 * for the disk, as it does for other servers' logs.
 */
import { writeSync } from 'node:fs'
import { delay, type Clock, type Timer } from '../clock.ts'

/** Pauses until what was not taken is tried again, in milliseconds: the first, and the longest. Each is twice the last one, until something is taken. */
const MIN_PAUSE_MS = 5
const MAX_PAUSE_MS = 250

/** Bytes that are written in one turn of the event loop, when much has waited. */
const MAX_TURN_BYTES = 262_144

/** Writes text in order. The descriptor stays open. */
export class DescriptorWriter {
  readonly #descriptor: number
  readonly #clock: Clock
  readonly #onEmpty: () => void
  #queue: Buffer[] = []
  #waitingBytes = 0
  #pauseMs = MIN_PAUSE_MS
  #timer: Timer | undefined
  /** Whether the last write failed by more than having to wait. */
  #isBroken = false

  /**
   * @param descriptor of a file, or of a terminal that was opened with O_NONBLOCK
   * @param onEmpty is called when what had to wait has been written
   */
  constructor (descriptor: number, clock: Clock, onEmpty: () => void) {
    this.#descriptor = descriptor
    this.#clock = clock
    this.#onEmpty = onEmpty
  }

  /** Bytes that were not taken yet. */
  get waitingBytes (): number {
    return this.#waitingBytes
  }

  /** Writes now, or after what waits. */
  write (text: string): void {
    const bytes = Buffer.from(text)
    this.#queue.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#timer === undefined) this.#flush()
  }

  /** Resolves when nothing waits, when it can not be written for now, or after `timeoutMs`. */
  async settle (timeoutMs: number): Promise<void> {
    const end = this.#clock.monotonic() + timeoutMs
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#flush()
    while (this.#waitingBytes > 0 && !this.#isBroken && this.#clock.monotonic() < end) await delay(MIN_PAUSE_MS, this.#clock)
  }

  #flush (): void {
    this.#timer = undefined
    const before = this.#waitingBytes
    this.#writeTurn()
    if (this.#waitingBytes === 0) {
      this.#pauseMs = MIN_PAUSE_MS
      return
    }
    this.#pauseMs = this.#waitingBytes < before ? MIN_PAUSE_MS : Math.min(this.#pauseMs * 2, MAX_PAUSE_MS)
    this.#timer = this.#clock.setTimeout(() => {
      this.#flush()
      if (this.#waitingBytes === 0) this.#onEmpty()
    }, this.#pauseMs)
  }

  /** Writes what is taken at once, and keeps the rest. */
  #writeTurn (): void {
    let whole = 0
    let turnBytes = 0
    this.#isBroken = false
    try {
      while (whole < this.#queue.length && turnBytes < MAX_TURN_BYTES) {
        const bytes = this.#queue[whole] as Buffer
        const written = writeSync(this.#descriptor, bytes)
        if (written === 0) break // nothing says when it would be more
        turnBytes += written
        this.#waitingBytes -= written
        if (written < bytes.length) this.#queue[whole] = bytes.subarray(written)
        else whole++
      }
    } catch (error) {
      this.#isBroken = (error as NodeJS.ErrnoException).code !== 'EAGAIN'
    }
    this.#queue.splice(0, whole)
  }
}
