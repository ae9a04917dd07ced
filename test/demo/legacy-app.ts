/**
 * An app of the kind that cannot be changed any more: it knows one base URL, sends no Authorization, and understands nothing of tokens.
 * It remembers every byte it sent and got, so that the demo can look for secrets in them.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

/** Bytes of a body that are sent at a time, so that progress can be seen. */
const pieceBytes = 65_536

/** What the app asks for. */
export interface AppRequest {
  method: 'GET' | 'POST'
  path: string
  /** Nothing, JSON, or a form with a file. */
  body?: { json: object } | { fields: Record<string, string | number>, file: { name: string, bytes: Buffer } } | undefined
}

/** What the app got. */
export interface AppResponse {
  status: number
  /** From the first byte sent to the last byte got. */
  durationMs: number
  body: Buffer
}

/** All bytes of one call. */
export interface Exchange {
  /** The head, then the body. */
  sent: Buffer[]
  /** As they came out of the socket. */
  received: Buffer[]
}

/** The app. */
export interface LegacyApp {
  /** Makes a call; `onSent` hears what share of the body is gone. */
  call: (request: AppRequest, signal: AbortSignal, onSent?: (share: number) => void) => Promise<AppResponse>
  readonly exchanges: readonly Exchange[]
}

interface Body {
  headers: Record<string, string>
  pieces: Buffer[]
}

/** Returns an app that calls `baseUrl`, its only setting. */
export function createLegacyApp (baseUrl: string): LegacyApp {
  const exchanges: Exchange[] = []
  return {
    exchanges,
    async call ({ method, path, body }, signal, onSent = () => {}) {
      const { headers, pieces } = encode(body)
      const exchange: Exchange = { sent: [], received: [] }
      exchanges.push(exchange)
      const startedAt = performance.now()
      const outgoing = request(baseUrl + path, { method, headers, signal, agent: false })
      outgoing.once('socket', socket => socket.on('data', (chunk: Buffer) => { exchange.received.push(chunk) }))
      exchange.sent.push(headOf(outgoing), ...pieces)
      const [incoming] = await Promise.all([responseTo(outgoing), send(pieces, outgoing, onSent)])
      return { status: incoming.statusCode ?? 0, body: await buffer(incoming), durationMs: performance.now() - startedAt }
    },
  }
}

async function responseTo (outgoing: ClientRequest): Promise<IncomingMessage> {
  const [incoming] = await once(outgoing, 'response') as [IncomingMessage]
  return incoming
}

/** An early rejection, which is then read, may cut an upload short; without a response, the request reports the error. */
async function send (pieces: Buffer[], outgoing: ClientRequest, onSent: (share: number) => void): Promise<void> {
  await pipeline(slice(pieces, onSent), outgoing).catch(() => {})
}

async function * slice (pieces: Buffer[], onSent: (share: number) => void): AsyncGenerator<Buffer> {
  const whole = sizeOf(pieces)
  let sent = 0
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; from += pieceBytes) {
      const part = piece.subarray(from, from + pieceBytes)
      yield part
      onSent((sent += part.length) / whole)
    }
  }
}

function headOf (outgoing: ClientRequest): Buffer {
  const headers = Object.entries(outgoing.getHeaders()).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  return Buffer.from(`${outgoing.method} ${outgoing.path} HTTP/1.1\r\n${headers.join('')}\r\n`)
}

function encode (body: AppRequest['body']): Body {
  if (body === undefined) return { headers: {}, pieces: [] }
  if ('json' in body) return lengthened('application/json', [Buffer.from(JSON.stringify(body.json))])
  const boundary = `----legacy-app-${randomBytes(8).toString('hex')}`
  const fields = Object.entries(body.fields).map(([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
  const name = body.file.name.replaceAll('"', '%22')
  const file = `--${boundary}\r\nContent-Disposition: form-data; name="ecg_file"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n`
  return lengthened(`multipart/form-data; boundary=${boundary}`, [Buffer.from(fields.join('') + file), body.file.bytes, Buffer.from(`\r\n--${boundary}--\r\n`)])
}

function lengthened (contentType: string, pieces: Buffer[]): Body {
  return { headers: { 'content-type': contentType, 'content-length': String(sizeOf(pieces)) }, pieces }
}

function sizeOf (pieces: Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}
