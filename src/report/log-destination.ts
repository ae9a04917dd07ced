/**
 * Where log lines go, behind the requests. A reader that is stuck, a closed pipe or a full disk costs lines, never a request; and
 * lines that are written within a moment of each other share one write, because a write costs more than the rest of a line.
 *
 * No thread stands between, as there would be with an asynchronous write to a file: to wake it, and to be woken by it, cost three
 * times what the write did. The kernel takes what goes to a file without waiting for the disk, as it does for other servers' logs.
 */
import { writeSync } from 'node:fs'
import type { Writable } from 'node:stream'
import type { DestinationStream } from 'pino'
import { delay, type Clock, type Timer } from '../clock.ts'

/**
 * How long a line waits for company, in milliseconds: too short to be noticed by a reader, and so long that few requests meet a
 * write. At 10 the lines of two requests in a second of 200 shared one, and every second request waited for it.
 */
const DELAY_MS = 50

/** Characters that are written at once. */
const LARGEST_BATCH = 16_384

/** Bytes of log that may wait to be read from a pipe; further lines are dropped. */
const LARGEST_BACKLOG = 4 * 1_048_576

/** How long the last lines may take to be written, in milliseconds. */
const CLOSE_TIMEOUT_MS = 500

/** A pipe or a socket, or the descriptor of an open file. */
export type LogOutput = Writable | number

/** Takes lines, and is closed once. */
export interface LogDestination extends DestinationStream {
  /** Resolves when everything has been written, or could not be within half a second. Lines that come later are dropped. */
  close: () => Promise<void>
}

/** Creates the destination. The output itself stays open. */
export function createLogDestination (output: LogOutput, clock: Clock): LogDestination {
  let batch = ''
  let timer: Timer | undefined
  let isClosed = false

  function writeBatch (): void {
    if (timer !== undefined) clock.clearTimeout(timer)
    timer = undefined
    const text = batch
    batch = ''
    if (text === '') return
    if (typeof output === 'number') writeToFile(output, text)
    else if (output.writableLength + text.length <= LARGEST_BACKLOG) output.write(text)
  }

  if (typeof output !== 'number') output.on('error', () => {}) // there is nowhere to say it
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
      if (typeof output !== 'number') await Promise.race([untilRead(output), delay(CLOSE_TIMEOUT_MS, clock)])
    },
  }
}

function writeToFile (descriptor: number, text: string): void {
  try {
    writeSync(descriptor, text)
  } catch {
    // A full disk, most likely; it may have room again for the next lines.
  }
}

/** Resolves once everything before has been taken, or will never be. */
async function untilRead (output: Writable): Promise<void> {
  await new Promise<void>(resolve => { output.write('', () => { resolve() }) })
}
