/**
 * What the parts of an exchange share: what they are given, and what comes of it. It knows none of them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Replay } from '../amsu/invalid-token.ts'
import type { Clock } from '../clock.ts'
import type { ErrorCode, ProxyError } from '../errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { Transport } from '../upstream/pending-request.ts'
import type { ReplayBudget } from './replay-buffer.ts'
import type { TimeoutSweeper, TimeoutTarget } from './timeouts.ts'
import type { UnorderedSetItem } from './unordered-set.ts'

/** Where an exchange gets its token. */
export interface Tokens {
  current: () => AccessToken | undefined
  acquire: (signal: AbortSignal) => Promise<AccessToken>
  isUsable: (token: AccessToken) => boolean
  /** AMSU says that the token is bad; whether another one is there or on its way. */
  invalidate: (token: AccessToken) => boolean
}

/** Who sent a request: a name, or undefined in open access; a promise of it while a token is being verified, which rejects for a stranger. */
export type CallerIdentity = string | undefined | Promise<string | undefined>

/** What a client's connection tells the exchange that is in flight on it. */
export interface ConnectionExchange {
  /** The response was sent, or the client has left. */
  onClose: () => void
  /** The rest of the request cannot be read. */
  fail: (error: ProxyError) => void
}

/** A client's connection, as the exchange in flight on it sees it. */
export interface ExchangeConnection {
  /** Whom the connection tells of its faults and its end. */
  exchange: ConnectionExchange | undefined
  /**
   * Ends the connection in the middle of a response, so that the client cannot take it for a whole one.
   *
   * @param isFramed whether the response has said how long it is, so that a plain end shows that it is not whole
   */
  abort: (isFramed: boolean) => void
}

/** A request that has passed every guard. */
export interface AcceptedRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly requestId: string
  readonly connection: ExchangeConnection
}

/** Status of an outcome whose caller went away first (nginx's number, which Node does not know; it is never sent). */
export const CLIENT_CLOSED_REQUEST = 499

/** How an exchange ended: the material of one log line. Holds no header value, no query and no body. */
export interface Outcome {
  readonly requestId: string
  /** Name of the caller; undefined in open access. */
  readonly caller: string | undefined
  readonly method: string
  /** The path as received, without the query. */
  readonly path: string
  /** What was answered, or {@link CLIENT_CLOSED_REQUEST}. */
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

/** What the relay is given. */
export interface RelayOptions {
  readonly transport: Transport
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
  readonly onRejection: (code: ErrorCode) => void
  /** Told when everything under way stood still for so many milliseconds. */
  readonly onEventLoopStall: (lateMs: number) => void
}

/** A request that the relay has taken and not yet done with. */
export interface InFlightRequest extends UnorderedSetItem, TimeoutTarget {
  /** Ends it because the proxy stops. */
  stop: () => void
}

/** What an exchange sees of the relay. */
export interface RelayContext extends RelayOptions {
  readonly timeouts: TimeoutSweeper
  readonly replayBudget: ReplayBudget
  /** Value of `Host` upstream. */
  readonly host: string
  readonly callerOrigin: (req: IncomingMessage) => string
  readonly isDraining: () => boolean
  readonly onEnd: (request: InFlightRequest, outcome: Outcome) => void
}
