/**
 * Where log lines go: to a file descriptor, behind the requests. A reader that is stuck, a closed pipe or a full disk costs lines,
 * never a request; and lines that are written within a moment of each other share one write, because a write costs more than the
 * rest of a line.
 */
import { pino, type DestinationStream } from 'pino'
import type { Clock, Timer } from '../clock.ts'

/** How long a line waits for company, in milliseconds: too short to be noticed by a reader, long enough for a hundred lines under load. */
const DELAY_MS = 10

/** Characters that are written at once. */
const LARGEST_BATCH = 16_384

/** Bytes of log that may wait to be written; further lines are dropped. */
const LARGEST_BACKLOG = 4 * 1_048_576

/** How long the last lines may take to be written, in milliseconds. */
const CLOSE_TIMEOUT_MS = 500

/** Takes lines, and is closed once. */
export interface LogDestination extends DestinationStream {
  /** Resolves when everything has been written, or could not be within half a second. Lines that come later are dropped. */
  close: () => Promise<void>
}

/**
 * Creates the destination.
 *
 * @param descriptor an open file descriptor; unless it is a standard stream, it is closed with the destination
 */
export function createLogDestination (descriptor: number, clock: Clock): LogDestination {
  const output = pino.destination({ dest: descriptor, sync: false, maxLength: LARGEST_BACKLOG })
  output.on('error', () => {}) // there is nowhere to say it
  let batch = ''
  let timer: Timer | undefined
  let isClosed = false

  function writeBatch (): void {
    if (timer !== undefined) clock.clearTimeout(timer)
    timer = undefined
    const text = batch
    batch = ''
    if (text !== '') output.write(text)
  }

  return {
    write (line) {
      if (isClosed) return
      batch += line
      if (batch.length >= LARGEST_BATCH) writeBatch()
      else timer ??= clock.setTimeout(writeBatch, DELAY_MS)
    },
    async close () {
      writeBatch()
      isClosed = true
      await new Promise<void>(resolve => {
        output.once('finish', resolve)
        output.once('error', () => { resolve() })
        clock.setTimeout(resolve, CLOSE_TIMEOUT_MS)
        output.end()
      })
      // pino flushes once more when the process exits, and that would try for ever on a full disk.
      output.flushSync = () => {}
    },
  }
}
