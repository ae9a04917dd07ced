/** The bytes of the stand-in's responses: right ones, odd ones and wrong ones. */
import { gzipSync } from 'node:zlib'
import type { AmsuFault } from './amsu-fault.ts'
import { patternBytes } from './pattern.ts'

/** Bytes of a chunk, where a response is chunked. */
const chunkBytes = 7_001

/** What a response is made for. */
export interface ResponseOptions {
  readonly id: string
  readonly method: string
  readonly status: number
  readonly framing: AmsuFault['framing']
  readonly size: number
  /** Whole lines. */
  readonly more?: readonly string[]
}

/** A response whose body names its request. */
export function renderResponse ({ id, method, status, framing, size, more = [] }: ResponseOptions): Buffer {
  const body = patternBytes(id, 0, size)
  return assemble(id, method, `HTTP/1.1 ${status} Stand-in`, framing, body, ['Content-Type: application/octet-stream', `X-Storm-Size: ${size}`, ...more])
}

/** A response that says that the token is invalid. It names its request, too. */
export function renderRefusal (id: string, method: string, variant: number): Buffer {
  const text = Buffer.from(`{"error":{"code":"COMMON.INVALID_CREDENTIALS","msg":"${id}"}}`)
  const [status, isGzip] = ([[401, false], [403, false], [403, true]] as const)[variant % 3] as [number, boolean]
  const body = isGzip ? gzipSync(text) : text
  return assemble(id, method, `HTTP/1.1 ${status} Stand-in`, 'length', body, ['Content-Type: application/json', ...isGzip ? ['Content-Encoding: gzip'] : []])
}

/** A response before the body was read. The token is refused once at most. */
export function renderEarly (id: string, method: string, fault: AmsuFault, isFirst: boolean): Buffer {
  if (isFirst && isEarlyRefusal(fault)) return renderRefusal(id, method, 0)
  const status = [413, 200, 200, 413][fault.variant % 4] as number
  return renderResponse({ id, method, status, framing: 'length', size: fault.size, more: fault.how === 'keep' ? [] : ['Connection: close'] })
}

/** Whether an early response says that the token is invalid. */
export function isEarlyRefusal ({ variant }: AmsuFault): boolean {
  return variant % 4 === 1
}

/** Interim responses, to be followed by a final one. */
export function renderInterims (variant: number): Buffer {
  const interims = [
    'HTTP/1.1 102 Processing\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 110 Unheard Of\r\nX-Interim: 1\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n',
  ]
  return Buffer.from([variant, Math.floor(variant / 5), Math.floor(variant / 25)].slice(0, 1 + variant % 3).map(each => interims[each % interims.length]).join(''))
}

/** Unsolicited bytes: a whole response of somebody else, or no HTTP at all. */
export function renderUnasked (id: string, variant: number): Buffer {
  switch (variant % 4) {
    case 0: return renderResponse({ id: `unasked-${id}`, method: 'GET', status: 200, framing: 'length', size: 40 })
    case 1: return renderResponse({ id: `unasked-${id}`, method: 'GET', status: 200, framing: 'chunked', size: 40 })
    case 2: return Buffer.from('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    default: return Buffer.from('\0garbage\r\n')
  }
}

/** Unambiguous responses that few servers write. */
export function renderOdd (id: string, method: string, variant: number): Buffer {
  const body = patternBytes(id, 0, 20).toString('latin1')
  const head = `HTTP/1.1 200 OK\r\nX-Storm-Id: ${id}\r\nX-Storm-Size: 20\r\nContent-Type: application/octet-stream\r\n`
  const ends = [
    `Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n${body}\r\n0\r\n\r\n`,
    `Transfer-Encoding: chunked,\r\n\r\n14\r\n${body}\r\n0\r\n\r\n`,
    `Transfer-Encoding: chunked\r\n\r\n14  \r\n${body}\r\n0\r\n\r\n`,
    `Transfer-Encoding: chunked\r\n\r\n000000000014\r\n${body}\r\n0000000000\r\n\r\n`,
    `Content-Length: 0020\r\n\r\n${body}`,
    `Content-Length : 20\r\n\r\n${body}`,
    `Transfer-Encoding: Chunked\r\n\r\n14;a=b\r\n${body}\r\n0\r\nX-Trailer: 1\r\n\r\n`,
  ]
  const end = ends[variant % ends.length] as string
  return Buffer.from(head + (method === 'HEAD' ? end.slice(0, end.indexOf('\r\n\r\n') + 4) : end), 'latin1')
}

/** Responses that are no HTTP, or ambiguous. */
export function renderInvalid (id: string, variant: number): Buffer {
  const named = `X-Storm-Id: ${id}\r\nX-Storm-Size: 5\r\nContent-Type: application/octet-stream\r\n`
  const all = [
    `HTTP/1.1 200 OK\r\n${named}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
    'SSH-2.0-OpenSSH_9.2p1\r\n',
    `HTTP/1.1 200 OK\r\n${named}X-Large: ${'x'.repeat(20_000)}\r\nContent-Length: 5\r\n\r\nhello`,
    `HTTP/1.1 200 OK\r\n${named}X-Bad: a\0b\r\nContent-Length: 5\r\n\r\nhello`,
    `HTTP/2.0 200 OK\r\n${named}Content-Length: 5\r\n\r\nhello`,
  ]
  return Buffer.from(all[variant % all.length] as string, 'latin1')
}

/** Lines of a head that is large and still within what HTTP clients take. */
export function largeHeadLines (): string[] {
  return Array.from({ length: 10 }, (_, i) => `X-Large-${i}: ${'x'.repeat(1_000)}`)
}

function assemble (id: string, method: string, statusLine: string, framing: AmsuFault['framing'], body: Buffer, lines: readonly string[]): Buffer {
  const status = Number(statusLine.split(' ')[1])
  const isBare = status === 204 || status === 304
  const frame = { length: `Content-Length: ${body.length}`, chunked: 'Transfer-Encoding: chunked', close: 'Connection: close' }[framing]
  const head = Buffer.from([statusLine, `X-Storm-Id: ${id}`, ...lines, ...isBare ? [] : [frame], '', ''].join('\r\n'))
  if (method === 'HEAD' || isBare) return head
  return Buffer.concat(framing === 'chunked' ? [head, ...chunksOf(body), Buffer.from('0\r\n\r\n')] : [head, body])
}

/** The chunks of a body, without the last one. */
export function chunksOf (body: Buffer, size = chunkBytes): Buffer[] {
  const chunks: Buffer[] = []
  for (let from = 0; from < body.length; from += size) {
    const chunk = body.subarray(from, from + size)
    chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'))
  }
  return chunks
}
