/**
 * The relay: what all exchanges share, and the set of those under way.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import { ProxyError, type ErrorCode } from '../errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { Replay } from './bad-token.ts'
import { createDeadlines, type Deadlines } from './deadlines.ts'
import { Exchange } from './exchange.ts'
import { refuse } from './refusal.ts'
import { ReplayBudget } from './replay-buffer.ts'

/** Where an exchange gets its token. */
export interface Tokens {
  current: () => AccessToken | undefined
  acquire: (signal: AbortSignal) => Promise<AccessToken>
  isUsable: (token: AccessToken) => boolean
  /** AMSU says that the token is bad; whether another one is there or on its way. */
  reject: (token: AccessToken) => boolean
}

/** Who sent a request: a name, or undefined in open access; a promise of it while a token is being verified, which rejects for a stranger. */
export type Caller = string | undefined | Promise<string | undefined>

/** A request that has passed every guard. */
export interface Call {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly requestId: string
}

/** How an exchange ended: the material of one log line. Holds no header value, no query and no body. */
export interface Outcome {
  readonly requestId: string
  /** Name of the caller; undefined in open access. */
  readonly caller: string | undefined
  readonly method: string
  /** The path as received, without the query. */
  readonly path: string
  /** What was answered; 499 when the caller went away first. */
  readonly status: number
  readonly errorCode: ErrorCode | undefined
  /** What lies behind the error code; for the log only. */
  readonly cause: unknown
  /** Bytes of the request's and the answer's body. */
  readonly bytesIn: number
  readonly bytesOut: number
  readonly durationMs: number
  /** What became of sending the request once more with a new token; undefined if that was not called for. */
  readonly replay: Replay | undefined
  /** From the start to AMSU's first byte, or undefined if none came. */
  readonly upstreamMs: number | undefined
}

export interface RelayOptions {
  readonly upstream: Dispatcher
  readonly upstreamUrl: URL
  readonly tokens: Tokens
  readonly clock: Clock
  readonly maxBodyBytes: number
  /** Largest body that is kept to be sent again. */
  readonly replayBodyBytes: number
  /** Most requests under way at once. */
  readonly maxInFlight: number
  readonly responseTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly isRevealing: (text: string) => boolean
  /** Told how many headers of an answer were dropped because they held a secret. */
  readonly onLeak: (count: number, requestId: string) => void
  readonly onOutcome: (outcome: Outcome) => void
  /** Told of a request that was refused before it became an exchange. */
  readonly onRefusal: (code: ErrorCode) => void
  /** Told when everything under way stood still for so many milliseconds. */
  readonly onStall: (lateMs: number) => void
}

/** What an exchange sees of the relay. */
export interface RelayContext extends RelayOptions {
  readonly deadlines: Deadlines
  readonly replayBudget: ReplayBudget
  /** Value of `Host` upstream. */
  readonly host: string
  readonly callerOrigin: (req: IncomingMessage) => string
  readonly isDraining: () => boolean
  readonly onEnd: (exchange: Exchange, outcome: Outcome) => void
}

/** Relays requests to one upstream, and knows which are under way. */
export class Relay {
  readonly #context: RelayContext
  readonly #exchanges = new Set<Exchange>()
  #isDraining = false
  #onIdle: Array<() => void> = []

  constructor (options: RelayOptions) {
    this.#context = {
      ...options,
      deadlines: createDeadlines(options.clock, Math.min(options.idleTimeoutMs, options.responseTimeoutMs), options.onStall),
      replayBudget: new ReplayBudget(options.replayBodyBytes),
      host: options.upstreamUrl.host,
      callerOrigin,
      isDraining: () => this.#isDraining,
      onEnd: (exchange, outcome) => {
        this.#exchanges.delete(exchange)
        options.onOutcome(outcome)
        if (this.#exchanges.size === 0) this.#tellIdle()
      },
    }
  }

  /** How many requests are under way. */
  get inFlight (): number {
    return this.#exchanges.size
  }

  /** Whether the proxy is shutting down. */
  get isDraining (): boolean {
    return this.#isDraining
  }

  /** Relays one request, or answers why not. */
  relay (req: IncomingMessage, res: ServerResponse, requestId: string, caller: Caller): void {
    // A pipelined request behind an answer that ended its connection: no answer could reach the caller.
    if (!req.socket.writable) {
      req.socket.destroy()
      return
    }
    if (this.#isDraining || this.#exchanges.size >= this.#context.maxInFlight) {
      const error = new ProxyError(this.#isDraining ? 'DRAINING' : 'OVERLOADED')
      this.#context.onRefusal(error.code)
      refuse(req, res, error, requestId)
      return
    }
    const exchange = new Exchange(this.#context, { req, res, requestId })
    this.#exchanges.add(exchange)
    exchange.start(caller)
  }

  /** From now on new requests are answered DRAINING, and answers carry `Connection: close`. */
  drain (): void {
    this.#isDraining = true
  }

  /** Ends the request under way on this connection with `error`; false if there is none. */
  fail (socket: Socket, error: ProxyError): boolean {
    const exchange = this.#find(socket)
    exchange?.fail(error)
    return exchange !== undefined
  }

  /** Resolves once nothing is under way; at once if nothing is. */
  async whenIdle (): Promise<void> {
    if (this.#exchanges.size > 0) await new Promise<void>(resolve => { this.#onIdle.push(resolve) })
  }

  #find (socket: Socket): Exchange | undefined {
    for (const exchange of this.#exchanges) {
      if (exchange.socket === socket) return exchange
    }
    return undefined
  }

  #tellIdle (): void {
    for (const resolve of this.#onIdle) resolve()
    this.#onIdle = []
  }
}

/** This proxy as the caller addressed it. */
function callerOrigin (req: IncomingMessage): string {
  return `${'encrypted' in req.socket ? 'https' : 'http'}://${req.headers.host ?? 'localhost'}`
}
