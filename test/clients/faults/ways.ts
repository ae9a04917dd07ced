/**
 * The ways in which AMSU, or the line to it, can fail, each as what the stand-in does once the head of a request is there. A request
 * names its way in the header X-Way.
 */
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** The body of every good response. */
export const BODY = JSON.stringify({ burning_rate: 9.72, note: 'x'.repeat(4000) })
/** Milliseconds between bytes and what follows them, so that they are read separately: the peer does not show when it has read. */
const APART_MS = 40

/** One request at the stand-in. */
export interface Exchange {
  readonly socket: Socket
  /** Its token was the first one issued. */
  readonly hasFirstToken: boolean
  /** Resolves when the body is there. */
  readonly whole: Promise<void>
  /** Resolves when as many requests have come so far as the row has clients. */
  readonly everybodyCame: Promise<void>
}

/** What the stand-in does with a request; the head has come. */
export type Way = (exchange: Exchange) => Promise<void> | void

const REFUSED_TOKEN = JSON.stringify({ error: { code: 'COMMON.INVALID_CREDENTIALS', msg: 'Invalid authentication credentials.' } })
const TOO_LARGE = '<html><body>413 Request Entity Too Large</body></html>'
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
const HEAD_OF_LENGTH = `${HEAD}Content-Length: ${BODY.length}\r\n\r\n`
const HEAD_OF_CHUNKS = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`
const GOOD = `${HEAD_OF_LENGTH}${BODY}`

const fin = (socket: Socket): void => { socket.end() }
const rst = (socket: Socket): void => { socket.resetAndDestroy() }
const silence = (): void => {}

/** Once the request is whole: `bytes`, each piece by itself, then an end. */
function afterRequest (pieces: readonly string[], end: (socket: Socket) => void = silence): Way {
  return async ({ socket, whole }) => {
    await whole
    for (const piece of pieces) {
      socket.write(piece)
      await pause(APART_MS)
    }
    end(socket)
  }
}

/** A response while the request is on its way; then the stand-in reads on, or closes with unread bytes, which makes the kernel reset. */
function early (status: string, body: string, andThen: 'reads on' | 'closes' | 'closes unread'): Way {
  return async ({ socket, everybodyCame }) => {
    if (andThen === 'closes unread') socket.pause()
    await everybodyCame
    const close = andThen === 'reads on' ? '' : 'Connection: close\r\n'
    socket.write(`HTTP/1.1 ${status}\r\nContent-Type: ${body.startsWith('{') ? 'application/json' : 'text/html'}\r\n${close}Content-Length: ${body.length}\r\n\r\n${body}`)
    await pause(APART_MS)
    if (andThen === 'closes') socket.end()
    if (andThen === 'closes unread') socket.destroy()
  }
}

/** With the first token one way, with any later one a good response. */
function unlessNewToken (way: Way): Way {
  return exchange => exchange.hasFirstToken ? way(exchange) : afterRequest([GOOD])(exchange)
}

const refusedToken: Way = async ({ socket, whole, everybodyCame }) => {
  await Promise.all([whole, everybodyCame])
  socket.write(`HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: ${REFUSED_TOKEN.length}\r\n\r\n${REFUSED_TOKEN}`)
}

/** By name. */
export const ways: Readonly<Record<string, Way>> = {
  good: afterRequest([GOOD]),
  silence: afterRequest([]),

  'head, RST': ({ socket }) => { rst(socket) },
  'head, FIN': ({ socket }) => { socket.pause(); socket.end() },
  'head, closes unread': async ({ socket }) => {
    socket.pause()
    await pause(APART_MS)
    socket.destroy()
  },
  'request, RST': afterRequest([], rst),
  'request, FIN': afterRequest([], fin),

  'part of a head, RST': afterRequest([HEAD], rst),
  'part of a head, FIN': afterRequest([HEAD], fin),
  'part of a head, silence': afterRequest([HEAD]),
  'head of length, RST': afterRequest([HEAD_OF_LENGTH], rst),
  'head of length, FIN': afterRequest([HEAD_OF_LENGTH], fin),
  'head of length, silence': afterRequest([HEAD_OF_LENGTH]),
  'head of chunks, RST': afterRequest([HEAD_OF_CHUNKS], rst),
  'head of chunks, FIN': afterRequest([HEAD_OF_CHUNKS], fin),
  'head of chunks, silence': afterRequest([HEAD_OF_CHUNKS]),
  'head of chunks, broken chunk': afterRequest([HEAD_OF_CHUNKS, 'zz\r\n']),

  'half of length, RST': afterRequest([HEAD_OF_LENGTH, BODY.slice(0, 2000)], rst),
  'half of length, FIN': afterRequest([HEAD_OF_LENGTH, BODY.slice(0, 2000)], fin),
  'half of length, silence': afterRequest([HEAD_OF_LENGTH, BODY.slice(0, 2000)]),
  'half of chunks, RST': afterRequest([HEAD_OF_CHUNKS, `7d0\r\n${BODY.slice(0, 2000)}\r\n`], rst),
  'half of chunks, FIN': afterRequest([HEAD_OF_CHUNKS, `7d0\r\n${BODY.slice(0, 2000)}\r\n`], fin),

  garbage: afterRequest(['SSH-2.0-OpenSSH_9.2p1\r\n'], fin),
  'two lengths': afterRequest([`${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`]),
  101: afterRequest(['HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n']),
  '100 first': afterRequest(['HTTP/1.1 100 Continue\r\n\r\n', GOOD]),
  '102 first': afterRequest(['HTTP/1.1 102 Processing\r\n\r\n', GOOD]),
  '103 first': afterRequest([`HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n${GOOD}`]),

  'early 413, reads on': early('413 Request Entity Too Large', TOO_LARGE, 'reads on'),
  'early 413, closes': early('413 Request Entity Too Large', TOO_LARGE, 'closes'),
  'early 413, closes unread': early('413 Request Entity Too Large', TOO_LARGE, 'closes unread'),
  401: unlessNewToken(refusedToken),
  'early 401, reads on': unlessNewToken(early('401 Unauthorized', REFUSED_TOKEN, 'reads on')),
  'early 401, closes unread': unlessNewToken(early('401 Unauthorized', REFUSED_TOKEN, 'closes unread')),
}
