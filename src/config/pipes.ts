/**
 * Reads the FIFOs that settings name, such as the `<(…)` of a shell, before anything else. A FIFO can be read only once, so it cannot
 * be watched. Its writer may be late, so only the start of the program waits for it.
 */
import { constants, statSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { delay, systemClock, type Clock } from '../clock.ts'
import { settings } from './settings.ts'
import { MAX_FILE_BYTES } from './text-file.ts'
import { mergeVariables, readDotenv, type Environment, type Pipes } from './variables.ts'

/** How long the writer of a FIFO may take. */
const WRITER_TIMEOUT_MS = 10_000

/** The pause before the next attempt while there is nothing to read. */
const PAUSE_MS = 20

/** The settings that name a file to read. */
const FILE_SETTINGS = Object.keys(settings).filter(name => name.endsWith('_FILE'))

/**
 * Reads every FIFO among the files of the configuration. A FIFO that cannot be read, or that has no writer in time, is omitted;
 * reading the configuration then reports it.
 */
export async function readPipes (environment: Environment, dotenvPath: string, clock: Clock = systemClock): Promise<Pipes> {
  const pipes = new Map<string, Buffer>()
  const read = async (path: string): Promise<void> => {
    const bytes = isPipe(path) ? await readPipe(path, clock) : undefined
    if (bytes !== undefined) pipes.set(path, bytes)
  }
  await read(dotenvPath)
  const given = mergeVariables(environment, readDotenv(dotenvPath, pipes))
  const paths = new Set(FILE_SETTINGS.map(name => given[name]).filter(path => path !== undefined))
  await Promise.all([...paths].map(read))
  return pipes
}

function isPipe (path: string): boolean {
  try {
    return statSync(path).isFIFO()
  } catch {
    return false
  }
}

async function readPipe (path: string, clock: Clock): Promise<Buffer | undefined> {
  const deadline = clock.monotonic() + WRITER_TIMEOUT_MS
  let handle: FileHandle | undefined
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    return await readToEnd(handle, () => clock.monotonic() < deadline, clock)
  } catch {
    return undefined
  } finally {
    await handle?.close()
  }
}

/** Reads until all writers have closed the FIFO. No data and no writer means that no writer has opened it yet. */
async function readToEnd (handle: FileHandle, isInTime: () => boolean, clock: Clock): Promise<Buffer | undefined> {
  const buffer = Buffer.alloc(MAX_FILE_BYTES + 1)
  let length = 0
  while (isInTime() && length < buffer.length) {
    const count = await readSome(handle, buffer, length)
    if (count === 0 && length > 0) return buffer.subarray(0, length)
    length += count ?? 0
    if (count === 0 || count === undefined) await delay(PAUSE_MS, clock)
  }
  return length === buffer.length ? buffer : undefined
}

/** Returns the number of bytes read; undefined if a writer has the FIFO open but has written nothing yet. */
async function readSome (handle: FileHandle, buffer: Buffer, offset: number): Promise<number | undefined> {
  try {
    return (await handle.read(buffer, offset, buffer.length - offset, null)).bytesRead
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined
    throw error
  }
}
