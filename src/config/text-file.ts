/**
 * Reads the text files of the configuration: regular files, of a bounded size, in UTF-8. Nothing here blocks on a FIFO or a device,
 * because files are read again while the proxy serves.
 */
import { isUtf8 } from 'node:buffer'
import { closeSync, constants, fstatSync, openSync, readSync, statSync, type BigIntStats } from 'node:fs'

/** Far more than any secret, list of callers or bundle of certificates has: that of Mozilla's authorities has 0.2 MiB. */
export const MAX_FILE_BYTES = 1_048_576

/** Most files are smaller than this. */
const CHUNK_BYTES = 16_384

/** Permission to read or to write for everybody on the machine (POSIX `o+rw`): who can write a secret file can also put in another one. */
const OPEN_TO_ALL = 0o006n

/** `O_NONBLOCK` opens a FIFO without a writer at once; with `O_NOCTTY` a terminal that is opened by mistake controls nobody. Windows has neither. */
const READ_WITHOUT_WAITING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0)

/** Differs when a file does: identity, size and times as its file system tells them. */
export type Fingerprint = string

/** A text, and what its file was like when it was opened. */
export interface TextFile {
  /** Without a byte order mark. */
  readonly text: string
  readonly fingerprint: Fingerprint
  /** Whether everybody on the machine can read or change it, by its own mode; a directory above it may still keep them out. */
  readonly isOpenToAll: boolean
}

/** Why a file brings no text. The message is the end of a sentence that begins with the file, or with the setting that names it. */
export class FileError extends Error {
  /** The system's code, where there is one. */
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
    // Looked at first, because opening alone can do something to a device; and again when open, because it may be another file by now.
    refuseIrregular(statSync(path, { bigint: true }))
    fd = openSync(path, READ_WITHOUT_WAITING)
    const stats = fstatSync(fd, { bigint: true })
    refuseIrregular(stats)
    return { text: decodeText(readAll(fd)), fingerprint: fingerprintOf(stats), isOpenToAll: (stats.mode & OPEN_TO_ALL) !== 0n }
  } catch (error) {
    throw toFileError(error)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** The fingerprint of what is at a path now; what cannot be looked at has one too. */
export function fingerprintAt (path: string): Fingerprint {
  try {
    return fingerprintOf(statSync(path, { bigint: true }))
  } catch (error) {
    return systemCode(error)
  }
}

/**
 * Takes bytes for a text in UTF-8.
 *
 * @throws {FileError} for any other encoding, with what to do
 */
export function decodeText (bytes: Buffer): string {
  if (bytes.length > MAX_FILE_BYTES) throw new FileError(`is larger than ${MAX_FILE_BYTES} bytes`)
  const wide = wideEncodingOf(bytes)
  if (wide !== undefined) throw new FileError(`is ${wide}; save it as UTF-8`)
  if (bytes.includes(0)) throw new FileError('holds a NUL character; if it is UTF-16, save it as UTF-8')
  if (!isUtf8(bytes)) throw new FileError(`is not UTF-8 (line ${firstBrokenLine(bytes)}); save it as UTF-8`)
  return bytes.toString('utf8').replace(/^\uFEFF/, '')
}

/** Any error as a {@link FileError}. */
export function toFileError (error: unknown): FileError {
  if (error instanceof FileError) return error
  const code = systemCode(error)
  return new FileError(`can not be read (${code})`, code)
}

/** A system error's code, which holds no path and no content. */
export function systemCode (error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'not readable'
}

function refuseIrregular (stats: BigIntStats): void {
  if (stats.isFile()) return
  const kind = stats.isDirectory() ? 'directory' : stats.isFIFO() ? 'FIFO' : stats.isSocket() ? 'socket' : 'device'
  throw new FileError(`is a ${kind}, not a regular file`)
}

function fingerprintOf ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): Fingerprint {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

/** Reads to the end, or to more than is allowed: the size a file states may be 0, or change meanwhile. */
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

/** What editors of Windows write, by its byte order mark, or by the NUL that every second byte of an ASCII text is. */
function wideEncodingOf (bytes: Buffer): string | undefined {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return bytes.length >= 4 && bytes.readUInt16LE(2) === 0 ? 'UTF-32' : 'UTF-16'
  if (first === 0xfe && second === 0xff) return 'UTF-16'
  const nuls = bytes.reduce((count, byte) => byte === 0 ? count + 1 : count, 0)
  if (nuls > bytes.length / 2) return 'UTF-32'
  return nuls >= bytes.length / 4 && nuls > 0 ? 'UTF-16' : undefined
}

function firstBrokenLine (bytes: Buffer): number {
  let start = 0
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, start)
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line
    start = end + 1
  }
}
