/**
 * Reads FIFOs that settings name, such as the `<(…)` of a shell, before anything else: they give what they hold once, so they
 * cannot be watched, and whoever writes may be late, so nothing may wait for them later.
 */
import { constants, statSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { delay, systemClock, type Clock } from '../clock.ts'
import { settings } from './settings.ts'
import { MAX_FILE_BYTES } from './text-file.ts'
import { mergeVariables, readDotenv, type Environment, type Pipes } from './variables.ts'

/** How long a FIFO's writer may take. */
const WRITER_TIMEOUT_MS = 10_000

/** How long to pause when there is nothing to read yet. */
const PAUSE_MS = 20

/** The settings that name a file to read. */
const FILE_SETTINGS = Object.keys(settings).filter(name => name.endsWith('_FILE'))

/**
 * Reads every FIFO among the files of the configuration. One that cannot be read, or that nobody writes to in time, is left out;
 * reading the configuration then says what is wrong with it.
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

/** Reads until all writers have left; nothing read and no writer means that none has come yet. */
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

/** The number of bytes read; undefined when a writer is there but has written nothing yet. */
async function readSome (handle: FileHandle, buffer: Buffer, offset: number): Promise<number | undefined> {
  try {
    return (await handle.read(buffer, offset, buffer.length - offset, null)).bytesRead
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined
    throw error
  }
}
