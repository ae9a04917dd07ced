/**
 * Write stall (slow reader) detection: finds a client that no longer reads its response. Such a client holds memory and a connection to
 * AMSU for nothing.
 *
 * The client's kernel acknowledges what was read, and our kernel reports that in steps of up to a third of the send buffer: about 1.5 MB
 * on a fast line, far less on a slow one. A client that reads less than a step within the limit looks like one that reads nothing.
 */
import type { Socket } from 'node:net'

/** Watches how much of a response the client takes. */
export class WriteStallDetector {
  #sentBytes: number | undefined
  #sinceMs = 0

  /** Whether `socket` has had something to send and sent none of it for longer than `limitMs`. All times in milliseconds of the timeout sweeper. */
  isStalled ({ bytesWritten, writableLength }: Pick<Socket, 'bytesWritten' | 'writableLength'>, nowMs: number, limitMs: number): boolean {
    const sentBytes = bytesWritten - writableLength
    if (sentBytes === this.#sentBytes && writableLength > 0) return nowMs - this.#sinceMs > limitMs
    this.#sentBytes = sentBytes
    this.#sinceMs = nowMs
    return false
  }

  /** The client is not being waited for: a later stall is measured from its own start. */
  reset (): void {
    this.#sentBytes = undefined
  }
}
