/**
 * Accepts requests into the relay: the limit of requests in flight (`MAX_IN_FLIGHT`) and the drain of a graceful shutdown.
 */
import type { IncomingMessage } from 'node:http'
import { ProxyError } from '../errors.ts'
import { AwaitingBody } from './awaiting-body.ts'
import type { AcceptedRequest, RelayContext, RelayOptions, InFlightRequest } from './context.ts'
import { Exchange } from './exchange.ts'
import { sendLocalReply } from './local-reply.ts'
import { ReplayBudget } from './replay-buffer.ts'
import { createTimeoutSweeper } from './timeouts.ts'
import { UnorderedSet } from './unordered-set.ts'

/** Relays requests to one upstream, and tracks those in flight. */
export class Relay {
  readonly #context: RelayContext
  readonly #exchanges = new UnorderedSet<InFlightRequest>()
  /** Evicted requests whose local reply is still being sent: they need no place any more. */
  #evicted = 0
  #isDraining = false

  constructor (options: RelayOptions) {
    this.#context = {
      ...options,
      timeouts: createTimeoutSweeper(options.clock, Math.min(options.idleTimeoutMs, options.responseTimeoutMs), this.#exchanges, options.onEventLoopStall),
      replayBudget: new ReplayBudget(options.replayBodyBytes),
      awaitingBody: new AwaitingBody(options.clock),
      host: options.upstreamUrl.host,
      callerOrigin,
      isDraining: () => this.#isDraining,
      onEnd: (exchange, outcome) => {
        this.#exchanges.remove(exchange)
        if (outcome.errorCode === 'OVERLOADED') this.#evicted--
        options.onOutcome(outcome)
      },
    }
  }

  /** Number of requests in flight. */
  get inFlight (): number {
    return this.#exchanges.size
  }

  /** Whether the proxy is shutting down. */
  get isDraining (): boolean {
    return this.#isDraining
  }

  /** Relays one request, or rejects it. */
  relay (call: AcceptedRequest): void {
    const { isLate, req, requestId, res } = call
    if (isLate || !this.#hasRoom()) {
      const error = new ProxyError(isLate ? 'DRAINING' : 'OVERLOADED')
      this.#context.onRejection(error.code)
      sendLocalReply(req, res, error, requestId)
      return
    }
    const exchange = new Exchange(this.#context, call)
    this.#exchanges.add(exchange)
    this.#context.timeouts.start()
    exchange.start()
  }

  /** Whether there is a place in flight. If there is none, the request that has waited longest for its client makes room. */
  #hasRoom (): boolean {
    if (this.#exchanges.size - this.#evicted < this.#context.maxInFlight) return true
    const { longest } = this.#context.awaitingBody
    if (longest === undefined) return false
    this.#evicted++
    longest.evict()
    return true
  }

  /** Starts draining: requests that arrive from now on are rejected with DRAINING, and responses carry `Connection: close`. */
  drain (): void {
    this.#isDraining = true
  }

  /** Ends every exchange: the grace period of the shutdown is over. */
  stop (): void {
    for (const exchange of this.#exchanges) exchange.stop()
  }
}

/** This proxy's origin as the client addressed it. */
function callerOrigin (req: IncomingMessage): string {
  return `${'encrypted' in req.socket ? 'https' : 'http'}://${req.headers.host ?? 'localhost'}`
}
