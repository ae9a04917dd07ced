/** An app that makes one call, in one of the ways of real apps, and may give up. */
import { Agent, request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Load } from './loads.ts'
import type { Random } from './random.ts'

/** After this long without an outcome a call is lost. */
export const lostAfterMs = 30_000
/** Bytes of a body that are sent at a time. */
const pieceBytes = 65_536

/** When a caller gives up: while the body goes out, after a while whatever has come, or as soon as the response begins. */
export type Abort = 'uploading' | 'waiting' | 'downloading'

/** How a call is made. */
export interface Manner {
  readonly isFresh: boolean
  readonly isChunked: boolean
  /** Sends the body only once it was asked for, as curl does. */
  readonly isExpecting: boolean
  /** Rest between two pieces of the body. */
  readonly pauseMs: number
  readonly abort: Abort | undefined
  /** Share of the body, or of the longest time to wait, after which the caller gives up. */
  readonly patience: number
}

/** How a call ended for its caller. */
export type Ending =
  | { readonly kind: 'response', readonly status: number, readonly proxyError: string | undefined, readonly amsuError: string | undefined, readonly isRight: boolean, readonly isOwn: boolean }
  /** A response began and broke off. */
  | { readonly kind: 'cut', readonly status: number, readonly code: string }
  /** The connection broke without a response. */
  | { readonly kind: 'broken', readonly code: string }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'lost' }

/** A call that has ended. Times are in milliseconds of the monotonic clock. */
export interface Sent {
  readonly id: string
  readonly load: Load
  readonly manner: Manner
  readonly from: number
  readonly to: number
  readonly ending: Ending
}

/** Longest time to wait of a caller that gives up then. */
const patienceMs = 150
const keepAlive = new Agent({ keepAlive: true, maxFreeSockets: 64 })

/** Chooses a manner. */
export function chooseManner (random: Random, { bodyBytes }: Load): Manner {
  const isUpload = bodyBytes > pieceBytes
  return {
    isFresh: random.chance(0.3),
    isChunked: isUpload && random.chance(0.25),
    isExpecting: isUpload && random.chance(0.2),
    pauseMs: isUpload && random.chance(0.1) ? random.between(1, 10) : 0,
    abort: random.chance(0.12) ? random.pick(isUpload ? ['uploading', 'waiting', 'downloading'] : ['waiting', 'downloading']) : undefined,
    patience: random.next(),
  }
}

/** Lets go of the connections that are kept open. */
export function closeConnections (): void {
  keepAlive.destroy()
}

/** Makes a call; never throws. */
export async function makeCall (origin: string, id: string, load: Load, manner: Manner): Promise<Sent> {
  const from = performance.now()
  const outgoing = request(origin + load.path, { method: load.method, headers: headersOf(id, load, manner), agent: manner.isFresh ? false : keepAlive })
  const ending = await new Promise<Ending>(resolve => {
    const lost = setTimeout(() => { settle({ kind: 'lost' }) }, lostAfterMs)
    function settle (how: Ending): void {
      clearTimeout(lost)
      resolve(how)
    }
    const abort = (): void => { settle({ kind: 'aborted' }) }
    outgoing.on('error', error => { settle({ kind: 'broken', code: codeOf(error) }) })
    outgoing.on('response', incoming => {
      if (manner.abort === 'downloading') abort()
      receive(incoming, id, load).then(settle, () => {})
    })
    send(outgoing, load, manner, abort)
  })
  if (ending.kind !== 'response' || !outgoing.writableFinished) outgoing.destroy()
  return { id, load, manner, from, to: performance.now(), ending }
}

function headersOf (id: string, { contentType, bodyBytes }: Load, { isChunked, isExpecting }: Manner): Record<string, string> {
  return {
    'x-request-id': id,
    ...contentType === undefined ? {} : { 'content-type': contentType },
    ...bodyBytes === 0 ? {} : isChunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(bodyBytes) },
    ...isExpecting ? { expect: '100-continue' } : {},
  }
}

function send (outgoing: ClientRequest, load: Load, manner: Manner, abort: () => void): void {
  const start = (): void => {
    pipeline(Readable.from(slice(load, manner, abort), { objectMode: false, highWaterMark: pieceBytes }), outgoing).catch(() => {})
  }
  if (manner.abort === 'waiting') setTimeout(abort, manner.patience * patienceMs)
  if (load.bodyBytes === 0) outgoing.end()
  else if (!manner.isExpecting) start()
  else outgoing.once('continue', start).flushHeaders()
}

/** An early rejection, which is then read, may cut an upload short. */
async function * slice ({ pieces, bodyBytes }: Load, { pauseMs, abort: when, patience }: Manner, abort: () => void): AsyncGenerator<Buffer> {
  let sentBytes = 0
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; from += pieceBytes) {
      const part = piece.subarray(from, from + pieceBytes)
      yield part
      sentBytes += part.length
      if (pauseMs > 0) await delay(pauseMs)
      if (when === 'uploading' && sentBytes > patience * bodyBytes) abort()
    }
  }
}

async function receive (incoming: IncomingMessage, id: string, load: Load): Promise<Ending> {
  const status = incoming.statusCode ?? 0
  const chunks: Buffer[] = []
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
  } catch (error) {
    return { kind: 'cut', status, code: codeOf(error) }
  }
  const body = Buffer.concat(chunks)
  const proxyError = incoming.headers['x-amsu-proxy-error']
  return {
    kind: 'response',
    status,
    proxyError: typeof proxyError === 'string' ? proxyError : undefined,
    amsuError: proxyError === undefined ? /"code":"([\w.]+)"/.exec(body.toString('latin1', 0, 200))?.[1] : undefined,
    isRight: status === 200 && load.isRight(body),
    isOwn: incoming.headers['x-request-id'] === id,
  }
}

function codeOf (error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error)
}
