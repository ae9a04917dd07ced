/**
 * Log destination: buffers log lines and writes them in batches, with bounded backpressure. A stuck reader, a paused terminal, a closed
 * pipe or a full disk costs log lines, never a request: a bounded number of bytes is queued, further lines are dropped completely and
 * counted, and the next line that can be written reports how many. Lines within a short delay share one write, because a write costs
 * more than the rest of a line.
 */
import type { Writable } from 'node:stream'
import type { DestinationStream } from 'pino'
import { delay, type Clock, type Timer } from '../clock.ts'
import { DescriptorWriter } from './descriptor-writer.ts'

/**
 * How long a line waits for others, in milliseconds: short enough for a reader not to notice, and long enough for few requests to
 * coincide with a write. With 10 ms and 200 requests a second, two lines shared a write, and every second request waited for one.
 */
const DELAY_MS = 50

/** A batch of this many characters is written at once. */
const MAX_BATCH = 16_384

/** How many bytes may be queued. Further lines are dropped until half of the queue is written, so that there is one long gap instead of many. */
const MAX_BACKLOG_BYTES = 4 * 1_048_576

/** How long writing the last lines may take, in milliseconds. */
const CLOSE_TIMEOUT_MS = 500

/** A pipe or a socket, or the descriptor of an open file or terminal; the descriptor of a terminal must be non-blocking. */
export type LogOutput = Writable | number

/** Accepts lines, and is closed once. */
export interface LogDestination extends DestinationStream {
  /** How many lines were lost so far. */
  readonly droppedLines: number
  /** Resolves when all lines are written, or after half a second. Later lines are dropped. */
  close: () => Promise<void>
}

/** Writes batches of complete lines. */
interface Sink {
  /** Bytes that are not written yet. */
  readonly queuedBytes: number
  write: (text: string, lines: number) => void
  /** Resolves when all bytes are written, or when waiting longer is of no use. */
  settle: () => Promise<void>
}

/** The events of a sink: its queue is empty, or it has lost lines. */
interface SinkListener {
  readonly onEmpty: () => void
  readonly onLost: (lines: number) => void
}

/**
 * Creates the destination. The output itself stays open.
 *
 * @param format formats a line of JSON, for example for a terminal. @default the line itself
 */
export function createLogDestination (output: LogOutput, clock: Clock, format = (line: string): string => line): LogDestination {
  let batch = ''
  let batchLines = 0
  let timer: Timer | undefined
  let isClosed = false
  let isFull = false
  let droppedLines = 0
  /** How many of these no line has reported yet. */
  let unreportedLines = 0

  const onLost = (lines: number): void => { droppedLines += lines; unreportedLines += lines }
  const onEmpty = (): void => { if (unreportedLines > 0 && !isClosed) writeBatch() }
  const sink = typeof output === 'number' ? descriptorSink(output, clock, { onEmpty, onLost }) : streamSink(output, clock, { onEmpty, onLost })

  function writeBatch (): void {
    if (timer !== undefined) clock.clearTimeout(timer)
    timer = undefined
    const lines = batchLines
    const text = (unreportedLines > 0 ? format(lossLine(unreportedLines, clock.wall())) : '') + batch
    batch = ''
    batchLines = 0
    if (text === '') return
    isFull = sink.queuedBytes + text.length > (isFull ? MAX_BACKLOG_BYTES / 2 : MAX_BACKLOG_BYTES)
    if (isFull) return onLost(lines)
    unreportedLines = 0
    sink.write(text, lines)
  }

  return {
    get droppedLines () { return droppedLines },
    write (line) {
      if (isClosed) return
      batch += format(line)
      batchLines++
      if (batch.length >= MAX_BATCH) writeBatch()
      else timer ??= clock.setTimeout(writeBatch, DELAY_MS)
    },
    async close () {
      writeBatch()
      isClosed = true
      await sink.settle()
    },
  }
}

/** The line that reports a gap, as pino would write it. */
function lossLine (lines: number, now: number): string {
  return `{"level":40,"time":${now},"lines":${lines},"msg":"log lines were lost: they could not be written"}\n`
}

/** Node writes to a pipe or a socket without waiting for its reader. */
function streamSink (output: Writable, clock: Clock, { onEmpty, onLost }: SinkListener): Sink {
  output.on('error', () => {}) // the callback of each write gets the error
  output.on('drain', onEmpty)
  return {
    get queuedBytes () { return output.writableLength },
    write (text, lines) {
      output.write(text, error => { if (error !== undefined && error !== null) onLost(lines) })
    },
    async settle () {
      const written = new Promise<void>(resolve => { output.write('', () => { resolve() }) })
      await Promise.race([written, delay(CLOSE_TIMEOUT_MS, clock)])
    },
  }
}

/** Node's own stream would never write to a file again after a full disk, and would block on a paused terminal. */
function descriptorSink (descriptor: number, clock: Clock, { onEmpty }: SinkListener): Sink {
  const writer = new DescriptorWriter(descriptor, clock, onEmpty)
  return {
    get queuedBytes () { return writer.queuedBytes },
    write (text) { writer.write(text) },
    async settle () { await writer.settle(CLOSE_TIMEOUT_MS) },
  }
}
