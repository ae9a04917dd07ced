/**
 * Decodes `Content-Encoding` of a small body (RFC 9110 section 8.4), to inspect it. Decompression has a size limit, so that a zip bomb
 * costs no more than a normal body.
 */
import zlib from 'node:zlib'

/** Limit of nested codings. Real responses have no more, and each further one could be another zip bomb. */
const MAX_CODINGS = 2

/** Largest zstd window, as a power of two: 8 MiB, the limit of RFC 9659 for the web. Node's own limit is 128 MiB. */
const ZSTD_WINDOW_LOG = 23

type Decoder = (body: Buffer, maxOutputLength: number) => Buffer | undefined

const DECODERS: Readonly<Record<string, Decoder>> = {
  identity: body => body,
  gzip: gunzip,
  'x-gzip': gunzip,
  deflate: inflate,
  br: brotli,
  zstd,
}

/**
 * Decodes `codings`, the last one first.
 *
 * @param codings values of all `Content-Encoding` fields
 * @param maxBytes limit of the decoded size, for each coding
 * @returns undefined if a coding is unknown, there are too many, the body is invalid, or the decoded body is too large
 */
export function decodeContent (body: Buffer, codings: readonly string[], maxBytes: number): Buffer | undefined {
  const names = codings.join().toLowerCase().split(',').map(name => name.trim()).filter(name => name !== '')
  if (names.length > MAX_CODINGS) return undefined
  try {
    return names.reduceRight<Buffer | undefined>((decoded, name) => decoded === undefined || !Object.hasOwn(DECODERS, name) ? undefined : DECODERS[name]?.(decoded, maxBytes), body)
  } catch {
    return undefined
  }
}

function gunzip (body: Buffer, maxOutputLength: number): Buffer {
  return zlib.gunzipSync(body, { maxOutputLength })
}

/** `deflate` is the zlib format; some servers send raw deflate (RFC 9110 section 8.4.1.2). */
function inflate (body: Buffer, maxOutputLength: number): Buffer {
  const isZlib = body.length >= 2 && (body.readUInt8(0) & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0
  return isZlib ? zlib.inflateSync(body, { maxOutputLength }) : zlib.inflateRawSync(body, { maxOutputLength })
}

/**
 * The decoder fills its window before it outputs anything, so a window of 16 MiB takes a tenth of a second whatever the limit is.
 * Encoders use 4 MiB by default; the first bits of the stream tell the size (RFC 7932 section 9.1).
 */
function brotli (body: Buffer, maxOutputLength: number): Buffer | undefined {
  const start = body[0] ?? 0
  const isLargeWindow = (start & 1) === 1 && ((start >> 1) & 7) > 5
  return isLargeWindow ? undefined : zlib.brotliDecompressSync(body, { maxOutputLength })
}

/** Node supports zstd since 22.15. */
function zstd (body: Buffer, maxOutputLength: number): Buffer | undefined {
  const { constants, zstdDecompressSync } = zlib as ZstdOfNode
  return zstdDecompressSync?.(body, { maxOutputLength, params: { [constants.ZSTD_d_windowLogMax as number]: ZSTD_WINDOW_LOG } })
}

/** Parts of `node:zlib` that the types of Node 20 lack. */
interface ZstdOfNode {
  readonly constants: { readonly ZSTD_d_windowLogMax?: number }
  readonly zstdDecompressSync?: (body: Buffer, options: object) => Buffer
}
