/** What one connection of a storm does, from its first byte to its last: plain data that depends on seed and index alone. */
import type { AmsuFault } from './amsu-fault.ts'

/** The proxies of a storm, by how they are reached. */
export type ProxyName = 'plain' | 'tls' | 'unix' | 'localhost'

/**
 * What a request is: one that must be relayed; one that a guard refuses; one to an endpoint of the proxy's own; one that is no valid
 * HTTP; one that must never be taken for a request; or one of which only the common rules are held.
 */
export type RequestKind = 'relayed' | 'refused' | 'own' | 'broken' | 'trap' | 'either'

/** The body of a request; its bytes name the request. */
export interface PlannedBody {
  readonly bytes: number
  readonly isChunked: boolean
}

/** One request. */
export interface PlannedRequest {
  readonly id: string
  readonly kind: RequestKind
  readonly method: string
  /** Everything up to the empty line, which included; Latin-1. */
  readonly head: string
  readonly body: PlannedBody | undefined
  /** Bytes of a body that does not name its request. */
  readonly otherBodyBytes?: number
  readonly fault: AmsuFault
  /** Whether the id is sent as `X-Request-Id`. */
  readonly isNamed: boolean
  /** Whether the response must be the connection's last, by what the request says. */
  readonly isLast: boolean
}

/** One thing that a client does. Numbers of requests are places in the script. */
export type Step =
  /** Writes bytes, at once. */
  | { readonly do: 'send', readonly bytes: string, readonly begins?: readonly number[], readonly completes?: readonly number[] }
  /** Writes a part of a body, its end included if it is the last. */
  | { readonly do: 'sendBody', readonly request: number, readonly from: number, readonly to: number, readonly pieceBytes: number, readonly pauseMs: number }
  | { readonly do: 'wait', readonly ms: number }
  /** Waits until so many responses are whole, or the connection has ended. */
  | { readonly do: 'await', readonly responses: number }
  /** Waits until a 100 or a response has come, or so long. */
  | { readonly do: 'awaitContinue', readonly ms: number }
  /** Waits until so many bytes have come, or so long. */
  | { readonly do: 'awaitBytes', readonly bytes: number, readonly ms: number }
  /** Does not read for so long. */
  | { readonly do: 'pause', readonly ms: number }
  /** Ends the own side. */
  | { readonly do: 'end' }
  /** Disconnects, by a reset or by closing. */
  | { readonly do: 'leave', readonly how: 'reset' | 'close' }

/** One connection. */
export interface ConnectionScript {
  readonly index: number
  readonly name: string
  readonly proxy: ProxyName
  readonly requests: readonly PlannedRequest[]
  readonly steps: readonly Step[]
}
