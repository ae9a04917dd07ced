/**
 * Reads the text files of the configuration: regular files of a bounded size, in UTF-8. A read never blocks on a FIFO or a device,
 * because files are read again while the proxy serves requests.
 */
import { isUtf8 } from 'node:buffer'
import { closeSync, constants, fstatSync, openSync, readSync, statSync, type BigIntStats } from 'node:fs'
import { codeOf } from '../errors.ts'

/** The size limit of a file. Mozilla's bundle of certificate authorities, the largest usual file, has 0.2 MiB. */
export const MAX_FILE_BYTES = 1_048_576

/** Most files are smaller than this. */
const CHUNK_BYTES = 16_384

/** Read or write permission for every user of the machine (POSIX `o+rw`): a user who can write a secret file can replace the secret. */
const OPEN_TO_ALL = 0o006n

/** `O_NONBLOCK` opens a FIFO without waiting for a writer. `O_NOCTTY` keeps a terminal from becoming the controlling one. Windows has neither. */
const READ_NON_BLOCKING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0)

/** Changes when a file changes: identity, size and times, as the file system reports them. */
export type Fingerprint = string

/** A text, and the state of its file when it was opened. */
export interface TextFile {
  /** Without a byte order mark. */
  readonly text: string
  readonly fingerprint: Fingerprint
  /** Whether every user of the machine can read or change the file, by its own mode; a parent directory may still prevent that. */
  readonly isOpenToAll: boolean
}

/** Why a file cannot be used. The message is the end of a sentence that begins with the file, or with the setting that names it. */
export class FileError extends Error {
  /** The system's error code, if there is one. */
  readonly code: string | undefined

  constructor (message: string, code?: string) {
    super(message)
    this.name = 'FileError'
    this.code = code
  }
}

/**
 * Reads a regular file.
 *
 * @throws {FileError}
 */
export function readTextFile (path: string): TextFile {
  let fd: number | undefined
  try {
    // Checked before opening, because opening a device can have side effects; and again after it, because the file may have been replaced.
    assertRegular(statSync(path, { bigint: true }))
    fd = openSync(path, READ_NON_BLOCKING)
    const stats = fstatSync(fd, { bigint: true })
    assertRegular(stats)
    return { text: decodeText(readAll(fd)), fingerprint: fingerprintOf(stats), isOpenToAll: (stats.mode & OPEN_TO_ALL) !== 0n }
  } catch (error) {
    throw toFileError(error)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Returns the current fingerprint of a path; the error code if the path cannot be read. */
export function fingerprintAt (path: string): Fingerprint {
  try {
    return fingerprintOf(statSync(path, { bigint: true }))
  } catch (error) {
    return readErrorCode(error)
  }
}

/**
 * Decodes UTF-8.
 *
 * @throws {FileError} for any other encoding, with advice
 */
export function decodeText (bytes: Buffer): string {
  if (bytes.length > MAX_FILE_BYTES) throw new FileError(`is larger than ${MAX_FILE_BYTES} bytes`)
  const wide = wideEncodingOf(bytes)
  if (wide !== undefined) throw new FileError(`is ${wide}; save it as UTF-8`)
  if (bytes.includes(0)) throw new FileError('contains a NUL character; if it is UTF-16, save it as UTF-8')
  if (!isUtf8(bytes)) throw new FileError(`is not UTF-8 (line ${firstInvalidLine(bytes)}); save it as UTF-8`)
  return bytes.toString('utf8').replace(/^\uFEFF/, '')
}

/** Converts any error to a {@link FileError}. */
export function toFileError (error: unknown): FileError {
  if (error instanceof FileError) return error
  const code = readErrorCode(error)
  return new FileError(`cannot be read (${code})`, code)
}

function readErrorCode (error: unknown): string {
  const code = codeOf(error)
  return code === '' ? 'not readable' : code
}

function assertRegular (stats: BigIntStats): void {
  if (stats.isFile()) return
  const kind = stats.isDirectory() ? 'directory' : stats.isFIFO() ? 'FIFO' : stats.isSocket() ? 'socket' : 'device'
  throw new FileError(`is a ${kind}, not a regular file`)
}

function fingerprintOf ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): Fingerprint {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

/** Reads to the end, or just past the limit. The size in the file's metadata is not used: it may be 0, or change meanwhile. */
function readAll (fd: number): Buffer {
  const chunks: Buffer[] = []
  for (let length = 0; length <= MAX_FILE_BYTES;) {
    const chunk = Buffer.alloc(CHUNK_BYTES)
    const count = readSync(fd, chunk)
    if (count === 0) break
    chunks.push(chunk.subarray(0, count))
    length += count
  }
  return Buffer.concat(chunks)
}

/** Detects UTF-16 and UTF-32, which editors on Windows write, by the byte order mark or by the share of NUL bytes in ASCII text. */
function wideEncodingOf (bytes: Buffer): string | undefined {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return bytes.length >= 4 && bytes.readUInt16LE(2) === 0 ? 'UTF-32' : 'UTF-16'
  if (first === 0xfe && second === 0xff) return 'UTF-16'
  const nuls = bytes.reduce((count, byte) => byte === 0 ? count + 1 : count, 0)
  if (nuls > bytes.length / 2) return 'UTF-32'
  return nuls >= bytes.length / 4 && nuls > 0 ? 'UTF-16' : undefined
}

function firstInvalidLine (bytes: Buffer): number {
  let start = 0
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, start)
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line
    start = end + 1
  }
}
