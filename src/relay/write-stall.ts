/**
 * Notices a caller who no longer reads its answer: that holds memory, and a connection to AMSU, for nothing.
 *
 * What a caller has read is told by its kernel to ours, and by ours to us in steps of up to a third of the send buffer: about 1.5 MB on
 * a fast line, far less on a slow one. A caller who takes less than a step in the whole time looks like one who takes nothing.
 */
import type { Socket } from 'node:net'

/** Watches how much of an answer the caller takes. */
export class WriteStallDetector {
  #takenBytes: number | undefined
  #sinceMs = 0

  /** Whether `socket` has had something to send and sent none of it for longer than `limitMs`. All times in milliseconds of the timeout sweeper. */
  isStalled ({ bytesWritten, writableLength }: Pick<Socket, 'bytesWritten' | 'writableLength'>, nowMs: number, limitMs: number): boolean {
    const takenBytes = bytesWritten - writableLength
    if (takenBytes === this.#takenBytes && writableLength > 0) return nowMs - this.#sinceMs > limitMs
    this.#takenBytes = takenBytes
    this.#sinceMs = nowMs
    return false
  }

  /** The caller is not what is waited for: what comes later is a silence of its own. */
  reset (): void {
    this.#takenBytes = undefined
  }
}
