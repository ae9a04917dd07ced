/**
 * Types that the parts of an exchange share: the relay's options and context, an accepted request, and the outcome for the access log.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Replay } from '../amsu/invalid-token.ts'
import type { Clock } from '../clock.ts'
import type { ErrorCode, ProxyError } from '../errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { Transport } from '../upstream/pending-request.ts'
import type { AwaitingBody } from './awaiting-body.ts'
import type { ReplayBudget } from './replay-buffer.ts'
import type { TimeoutSweeper, TimeoutTarget } from './timeouts.ts'
import type { UnorderedSetItem } from './unordered-set.ts'

/** Where an exchange gets its token. */
export interface Tokens {
  current: () => AccessToken | undefined
  /** Waits for a token. All waits of one request have one limit: `waitedMs` is the time of those before. */
  acquire: (signal: AbortSignal, waitedMs: number) => Promise<AccessToken>
  isUsable: (token: AccessToken) => boolean
  /** AMSU rejected the token as invalid. Returns whether another token is available or being fetched. */
  invalidate: (token: AccessToken) => boolean
}

/** The exchange in flight, as the client's connection sees it. */
export interface ConnectionExchange {
  /** Whether the response's head frames its body, by a length or by chunked coding. */
  readonly isFramed: boolean
  /**
   * The client has closed its side, which counts as a disconnect, or has reset the connection; {@link onClose} follows. Aborts the request
   * unless AMSU was sent all of it.
   */
  onClientLeft: () => void
  /** The response was sent, or the client disconnected. */
  onClose: () => void
  /** The remainder of the request cannot be read. */
  fail: (error: ProxyError) => void
}

/** The client's connection, as the exchange in flight sees it. */
export interface ExchangeConnection {
  /** Receives the connection's errors and its end. */
  exchange: ConnectionExchange | undefined
  /** Whether the client has closed its side or reset the connection. */
  readonly hasClientLeft: boolean
  /**
   * Aborts the connection in the middle of a response, so that the client cannot mistake it for a complete one.
   *
   * @param isFramed whether the response's head frames its body, so that a normal close shows that it is incomplete
   */
  abort: (isFramed: boolean) => void
}

/** A request that has passed every guard, from a caller who is known. */
export interface AcceptedRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly requestId: string
  readonly connection: ExchangeConnection
  /** Name of the caller; undefined in open access. */
  readonly caller: string | undefined
  /** Whether it arrived after the shutdown had begun. Identifying a caller takes a moment, so this is not the state of now. */
  readonly isLate: boolean
}

/** Logged as the status when the client disconnected before the response was complete (nginx's 499). It is never sent. */
export const CLIENT_CLOSED_REQUEST = 499

/** How an exchange ended, for one line of the access log. Holds no header value, no query and no body. */
export interface Outcome {
  readonly requestId: string
  /** Name of the caller; undefined in open access. */
  readonly caller: string | undefined
  readonly method: string
  /** The path as received, without the query. */
  readonly path: string
  /** The status sent to the client, or {@link CLIENT_CLOSED_REQUEST}. */
  readonly status: number
  readonly errorCode: ErrorCode | undefined
  /** The cause of the error; for the log only. */
  readonly cause: unknown
  /** Bytes of the request body, and of AMSU's response body as far as it was passed on. */
  readonly bytesIn: number
  readonly bytesOut: number
  readonly durationMs: number
  /** The result of the replay; undefined if the request was not replayed. */
  readonly replay: Replay | undefined
  /** Time from the start to the head of AMSU's response; undefined if there was none. */
  readonly upstreamMs: number | undefined
}

/** Settings and dependencies of the relay. */
export interface RelayOptions {
  readonly transport: Transport
  readonly upstreamUrl: URL
  readonly tokens: Tokens
  readonly clock: Clock
  readonly maxBodyBytes: number
  /** Largest body that is kept for a replay. */
  readonly replayBodyBytes: number
  /** Limit of requests in flight. */
  readonly maxInFlight: number
  readonly responseTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly isRevealing: (text: string) => boolean
  /** Called with the number of response headers that were dropped because they held a secret. */
  readonly onLeak: (count: number, requestId: string) => void
  readonly onOutcome: (outcome: Outcome) => void
  /** Called for a request that was rejected because of overload or shutdown, before it became an exchange. */
  readonly onRejection: (code: ErrorCode) => void
  /** Called when the event loop was blocked for this many milliseconds. */
  readonly onEventLoopStall: (lateMs: number) => void
}

/** A request that the relay has accepted and not finished. */
export interface InFlightRequest extends UnorderedSetItem, TimeoutTarget {
  /** Ends the request: the grace period of the shutdown is over. */
  stop: () => void
}

/** The relay's options and state, as its exchanges see them. */
export interface RelayContext extends RelayOptions {
  readonly timeouts: TimeoutSweeper
  readonly replayBudget: ReplayBudget
  readonly awaitingBody: AwaitingBody
  /** Value of `Host` for the upstream. */
  readonly host: string
  readonly callerOrigin: (req: IncomingMessage) => string
  readonly isDraining: () => boolean
  readonly onEnd: (request: InFlightRequest, outcome: Outcome) => void
}
