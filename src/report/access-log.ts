/**
 * One line a relayed request, when it ends: what an operator needs to follow it, and nothing of what it carried. No header
 * value, no query, no body.
 */
import type { Logger } from 'pino'
import type { Outcome } from '../relay/context.ts'
import { loggedError } from './logger.ts'

/** Errors whose cause an operator should see without turning anything on. */
const WORTH_A_CAUSE = new Set(['UPSTREAM_UNREACHABLE', 'UPSTREAM_RESET', 'UPSTREAM_INVALID', 'INTERNAL'])

/** Writes the line of one exchange. */
export function logOutcome (log: Logger, outcome: Outcome): void {
  const { cause, durationMs, errorCode, replay, upstreamMs, ...rest } = outcome
  log.info({
    ...rest,
    replayed: replay !== undefined,
    durationMs: round(durationMs),
    ...(upstreamMs === undefined ? {} : { upstreamMs: round(upstreamMs) }),
    ...(errorCode === undefined ? {} : { errorCode: `PROXY.${errorCode}` }),
    ...(errorCode !== undefined && WORTH_A_CAUSE.has(errorCode) && cause !== undefined ? { cause: loggedError(cause) } : {}),
  }, 'request')
}

/** Milliseconds with microseconds behind the point. */
function round (ms: number): number {
  return Math.round(ms * 1000) / 1000
}
