/** Reads the multipart bodies of the ECG calls as they arrive. */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { SimulatorRecord } from './record.ts'
import { refusals } from './refusal.ts'

/** Largest ECG file: 100 MB, taken as MiB, and a margin for files that are just over. */
export const mostFileBytes = 101 * 1024 * 1024
/** Length of the header of `model=online`, whose content is anything. */
const onlineHeaderBytes = 256
/** Initial buffer if the length is unknown. */
const firstBufferBytes = 1024 * 1024

/** A whole body. */
export interface Upload {
  /** Text of each field; a list where a field came more than once or as JSON. */
  fields: Record<string, unknown>
  /** Absent if there was no part `ecg_file`. */
  file?: EcgFile
}

/** The part `ecg_file`. */
export interface EcgFile {
  name: string
  /** Starts at the beginning of its memory, so that samples can be seen in it without a copy. */
  bytes: Buffer<ArrayBuffer>
}

/** Reads all parts, in whatever order they come. */
export async function readUpload (request: FastifyRequest, uploads: SimulatorRecord['uploads']): Promise<Upload> {
  const upload: Upload = { fields: {} }
  const expectedBytes = Number(request.headers['content-length'] ?? firstBufferBytes)
  for await (const part of request.parts()) {
    if (part.type === 'field') {
      addField(upload.fields, part.fieldname, part.value)
    } else if (part.fieldname === 'ecg_file') {
      const bytes = await collect(part.file, Math.min(expectedBytes, mostFileBytes), uploads)
      upload.file = { name: part.filename, bytes }
    } else {
      part.file.resume()
    }
  }
  return upload
}

/** Returns the samples of a file, without a copy. Takes the processor to be little-endian, as all that run Node today are. */
export function samplesOf ({ name, bytes }: EcgFile, model: unknown): Int16Array {
  if (!name.endsWith('.ecg')) throw refusals.wrongFileType()
  const skip = model === 'online' ? onlineHeaderBytes : 0
  return new Int16Array(bytes.buffer, Math.min(skip, bytes.length), Math.max(0, (bytes.length - skip) >> 1))
}

/** Lists come as a repeated part or as JSON text; the vendor does not say which. An empty text is an empty list. */
function addField (fields: Record<string, unknown>, name: string, value: unknown): void {
  const before = fields[name]
  const read = readList(value)
  fields[name] = before === undefined ? read : [before, read].flat()
}

function readList (value: unknown): unknown {
  if (value === '') return []
  if (typeof value !== 'string' || !value.startsWith('[')) return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

/** Gathers a stream in one piece of memory that doubles when it is full. */
async function collect (stream: AsyncIterable<Buffer>, expectedBytes: number, uploads: SimulatorRecord['uploads']): Promise<Buffer<ArrayBuffer>> {
  const hash = createHash('sha256')
  let memory = Buffer.allocUnsafeSlow(expectedBytes)
  let length = 0
  for await (const chunk of stream) {
    if (length + chunk.length > memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(2 * memory.length, length + chunk.length))
      memory.copy(larger, 0, 0, length)
      memory = larger
    }
    chunk.copy(memory, length)
    hash.update(chunk)
    length += chunk.length
    uploads.bytes += chunk.length
  }
  Object.assign(uploads, { count: uploads.count + 1, lastBytes: length, lastSha256: hash.digest('hex') })
  return memory.subarray(0, length)
}
