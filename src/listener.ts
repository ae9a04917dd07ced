/**
 * The listening side below any route: what is not HTTP, what Node would answer by itself in its own words, and which connections
 * there are. The answers given here have the same envelope as all others.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ProxyError, type ErrorCode } from './errors.ts'
import { rawRefusal, refuse } from './relay/refusal.ts'
import type { Relay } from './relay/relay.ts'

/** What Node calls a request that never becomes one, and what we call it. Anything else is BAD_REQUEST. */
const CLIENT_ERRORS: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HEAD_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

/** The caller left, by a reset or by an end in the middle of a request, or has never finished its TLS handshake: no answer could reach it. */
const NOBODY_LISTENS = new Set(['ECONNRESET', 'HPE_INVALID_EOF_STATE', 'ERR_TLS_HANDSHAKE_TIMEOUT'])

/** Told the code of each answer given here. */
export type RefusalListener = (code: ErrorCode) => void

/** Answers bytes that are not a request, in the envelope; ends the request they belong to if one is under way. */
export function answerMalformed (relay: Relay, error: Error & { code?: string }, socket: Socket, onRefusal: RefusalListener): void {
  if (NOBODY_LISTENS.has(error.code ?? '') || !socket.writable) {
    socket.destroy()
    return
  }
  const answer = new ProxyError(CLIENT_ERRORS[error.code ?? ''] ?? 'BAD_REQUEST')
  if (relay.fail(socket, answer)) return
  onRefusal(answer.code)
  endWith(socket, answer)
}

/** Takes over the events that Node answers in its own words when nobody listens. */
export function answerExpectations (server: Server, onRefusal: RefusalListener): void {
  // The 100 is sent only once a token is there and every check is passed (RFC 9110 section 10.1.1).
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => { server.emit('request', req, res) })
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    onRefusal('EXPECTATION_FAILED')
    refuse(req, res, new ProxyError('EXPECTATION_FAILED'))
  })
  server.on('connect', (_req: IncomingMessage, socket: Socket) => {
    onRefusal('METHOD_REJECTED')
    endWith(socket, new ProxyError('METHOD_REJECTED'))
  })
}

/** The open connections of a server, so that stopping can end those that wait for nothing. */
export class Connections {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor (server: Server) {
    this.#server = server
    // Of a TLS connection the secure socket is the one that requests know.
    server.on('setSecureContext' in server ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => { this.#sockets.delete(socket) })
    })
  }

  /** Ends every connection that waits for nothing. Node knows those between two requests, but not those that never had one. */
  closeIdle (): void {
    this.#server.closeIdleConnections()
    for (const socket of this.#sockets) {
      if (socket.bytesRead === 0) socket.destroySoon()
    }
  }

  /** Ends every connection: those that are done by a clean end, or all by a cut when something on them never ended. */
  end (isCut: boolean): void {
    for (const socket of this.#sockets) {
      if (isCut) socket.destroy()
      else socket.destroySoon()
    }
  }
}

function endWith (socket: Socket, error: ProxyError): void {
  socket.end(rawRefusal(error), () => { socket.destroySoon() })
}
