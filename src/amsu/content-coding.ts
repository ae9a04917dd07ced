/**
 * Undoes the codings of a small body (RFC 9110 section 8.4), to look into it: decompression with a bound, so that a zip bomb costs no
 * more than what an honest body does.
 */
import zlib from 'node:zlib'

/** Codings that are undone one after the other. Nobody applies more, and each would be another bomb. */
const MAX_CODINGS = 2

/** Largest window of zstd, as a power of two: 8 MiB, which RFC 9659 has as the limit for the web. Node's own limit is 128 MiB. */
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
 * Undoes `codings`, the last one first.
 *
 * @param codings values of all `Content-Encoding` fields
 * @param maxBytes what each coding may be undone to
 * @returns undefined when a coding is not known, when there are too many, or when the body is none of that coding or grows too large
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

/** `deflate` is the zlib format; some servers send the bare one (RFC 9110 section 8.4.1.2). */
function inflate (body: Buffer, maxOutputLength: number): Buffer {
  const isZlib = body.length >= 2 && (body.readUInt8(0) & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0
  return isZlib ? zlib.inflateSync(body, { maxOutputLength }) : zlib.inflateRawSync(body, { maxOutputLength })
}

/**
 * The decoder fills its window before it gives anything out, so that a window of 16 MiB takes a tenth of a second, whatever the limit.
 * One of 4 MiB is what encoders use unless they are told otherwise; the first bits say it (RFC 7932 section 9.1).
 */
function brotli (body: Buffer, maxOutputLength: number): Buffer | undefined {
  const start = body[0] ?? 0
  const isLargeWindow = (start & 1) === 1 && ((start >> 1) & 7) > 5
  return isLargeWindow ? undefined : zlib.brotliDecompressSync(body, { maxOutputLength })
}

/** Node has it from 22.15 on. */
function zstd (body: Buffer, maxOutputLength: number): Buffer | undefined {
  const { constants, zstdDecompressSync } = zlib as ZstdOfNode
  return zstdDecompressSync?.(body, { maxOutputLength, params: { [constants.ZSTD_d_windowLogMax as number]: ZSTD_WINDOW_LOG } })
}

/** What the types of Node 20 do not have. */
interface ZstdOfNode {
  readonly constants: { readonly ZSTD_d_windowLogMax?: number }
  readonly zstdDecompressSync?: (body: Buffer, options: object) => Buffer
}
