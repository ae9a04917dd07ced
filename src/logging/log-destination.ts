/**
 * Where log lines go, behind the requests. A reader that is stuck, a terminal that is held, a closed pipe or a full disk costs lines,
 * never a request: a bounded number of bytes waits, further lines are dropped whole and counted, and the next line that can be
 * written says how many they were. Lines that come within a moment of each other share one write, because a write costs more than
 * the rest of a line.
 */
import type { Writable } from 'node:stream'
import type { DestinationStream } from 'pino'
import { delay, type Clock, type Timer } from '../clock.ts'
import { DescriptorWriter } from './descriptor-writer.ts'

/**
 * How long a line waits for company, in milliseconds: too short to be noticed by a reader, and so long that few requests meet a
 * write. At 10 the lines of two requests in a second of 200 shared one, and every second request waited for it.
 */
const DELAY_MS = 50

/** Characters that are written at once. */
const MAX_BATCH = 16_384

/** Bytes of log that may wait to be taken; further lines are dropped, until half of them are gone: one long gap, not many. */
const MAX_BACKLOG_BYTES = 4 * 1_048_576

/** How long the last lines may take to be written, in milliseconds. */
const CLOSE_TIMEOUT_MS = 500

/** A pipe or a socket, or the descriptor of an open file or terminal; writing to a terminal's must not block. */
export type LogOutput = Writable | number

/** Takes lines, and is closed once. */
export interface LogDestination extends DestinationStream {
  /** How many lines were lost so far. */
  readonly droppedLines: number
  /** Resolves when everything has been written, or could not be within half a second. Lines that come later are dropped. */
  close: () => Promise<void>
}

/** What takes batches of whole lines. */
interface Sink {
  /** Bytes that were not taken yet. */
  readonly waitingBytes: number
  write: (text: string, lines: number) => void
  /** Resolves when nothing waits, or when waiting longer is in vain. */
  settle: () => Promise<void>
}

/** Who hears of a sink: that nothing waits in it any more, and that it lost lines it had. */
interface SinkListener {
  readonly onEmpty: () => void
  readonly onLost: (lines: number) => void
}

/**
 * Creates the destination. The output itself stays open.
 *
 * @param format what is written for a line of JSON; of a terminal, something for people. @default the line itself
 */
export function createLogDestination (output: LogOutput, clock: Clock, format = (line: string): string => line): LogDestination {
  let batch = ''
  let batchLines = 0
  let timer: Timer | undefined
  let isClosed = false
  let isFull = false
  let droppedLines = 0
  /** Of these, how many no line has told of yet. */
  let untoldLines = 0

  const onLost = (lines: number): void => { droppedLines += lines; untoldLines += lines }
  const onEmpty = (): void => { if (untoldLines > 0 && !isClosed) writeBatch() }
  const sink = typeof output === 'number' ? descriptorSink(output, clock, { onEmpty, onLost }) : streamSink(output, clock, { onEmpty, onLost })

  function writeBatch (): void {
    if (timer !== undefined) clock.clearTimeout(timer)
    timer = undefined
    const lines = batchLines
    const text = (untoldLines > 0 ? format(lossLine(untoldLines, clock.wall())) : '') + batch
    batch = ''
    batchLines = 0
    if (text === '') return
    isFull = sink.waitingBytes + text.length > (isFull ? MAX_BACKLOG_BYTES / 2 : MAX_BACKLOG_BYTES)
    if (isFull) return onLost(lines)
    untoldLines = 0
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

/** The line that tells of a gap, as pino would write it. */
function lossLine (lines: number, now: number): string {
  return `{"level":40,"time":${now},"lines":${lines},"msg":"log lines were lost: they could not be written"}\n`
}

/** Node writes to a pipe or a socket without waiting for its reader. */
function streamSink (output: Writable, clock: Clock, { onEmpty, onLost }: SinkListener): Sink {
  output.on('error', () => {}) // each write hears of it
  output.on('drain', onEmpty)
  return {
    get waitingBytes () { return output.writableLength },
    write (text, lines) {
      output.write(text, error => { if (error !== undefined && error !== null) onLost(lines) })
    },
    async settle () {
      const written = new Promise<void>(resolve => { output.write('', () => { resolve() }) })
      await Promise.race([written, delay(CLOSE_TIMEOUT_MS, clock)])
    },
  }
}

/** To a file, Node's own stream would never write again after a full disk; to a terminal, it waits for whoever holds it. */
function descriptorSink (descriptor: number, clock: Clock, { onEmpty }: SinkListener): Sink {
  const writer = new DescriptorWriter(descriptor, clock, onEmpty)
  return {
    get waitingBytes () { return writer.waitingBytes },
    write (text) { writer.write(text) },
    async settle () { await writer.settle(CLOSE_TIMEOUT_MS) },
  }
}
