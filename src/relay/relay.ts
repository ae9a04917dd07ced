/**
 * The relay: takes requests in, and knows which are under way.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ProxyError } from '../errors.ts'
import { Bag } from './bag.ts'
import type { Caller, RelayContext, RelayOptions, UnderWay } from './context.ts'
import { createDeadlines } from './deadlines.ts'
import { Exchange } from './exchange.ts'
import { refuse } from './refusal.ts'
import { ReplayBudget } from './replay-buffer.ts'

/** Relays requests to one upstream, and knows which are under way. */
export class Relay {
  readonly #context: RelayContext
  readonly #exchanges = new Bag<UnderWay>()
  #isDraining = false
  #onIdle: Array<() => void> = []

  constructor (options: RelayOptions) {
    this.#context = {
      ...options,
      deadlines: createDeadlines(options.clock, Math.min(options.idleTimeoutMs, options.responseTimeoutMs), this.#exchanges, options.onStall),
      replayBudget: new ReplayBudget(options.replayBodyBytes),
      host: options.upstreamUrl.host,
      callerOrigin,
      isDraining: () => this.#isDraining,
      onEnd: (exchange, outcome) => {
        this.#exchanges.remove(exchange)
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
    this.#context.deadlines.start()
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

  #find (socket: Socket): UnderWay | undefined {
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
