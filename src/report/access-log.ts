/**
 * One line a relayed request, when it ends: what an operator needs to follow it, and nothing of what it carried. No header
 * value, no query, no body.
 */
import type { Logger } from 'pino'
import type { Outcome } from '../relay/context.ts'
import { loggedError } from './logger.ts'

/** Errors whose cause an operator should see without turning anything on. */
const WORTH_A_CAUSE = new Set(['UPSTREAM_UNREACHABLE', 'UPSTREAM_RESET', 'UPSTREAM_INVALID', 'INTERNAL'])

/** Writes the line of one exchange. What is undefined is left out of it; an object of one shape is made, because that is fast. */
export function logOutcome (log: Logger, { bytesIn, bytesOut, caller, cause, durationMs, errorCode, method, path, replay, requestId, status, upstreamMs }: Outcome): void {
  log.info({
    requestId,
    caller,
    method,
    path,
    status,
    bytesIn,
    bytesOut,
    replayed: replay !== undefined,
    durationMs: round(durationMs),
    upstreamMs: upstreamMs === undefined ? undefined : round(upstreamMs),
    errorCode: errorCode === undefined ? undefined : `PROXY.${errorCode}`,
    cause: cause !== undefined && errorCode !== undefined && WORTH_A_CAUSE.has(errorCode) ? loggedError(cause) : undefined,
  }, 'request')
}

/** Milliseconds with microseconds behind the point. */
function round (ms: number): number {
  return Math.round(ms * 1000) / 1000
}
