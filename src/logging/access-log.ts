/**
 * One line a relayed request, when it ends: what an operator needs to follow it, and nothing of what it carried. No header
 * value, no query, no body.
 *
 * It is the line pino would write, put together without it: of a small request pino's way of finding out what an object holds was
 * a twentieth of the time.
 */
import { levels } from 'pino'
import type { ErrorCode } from '../errors.ts'
import type { Outcome } from '../relay/context.ts'
import { loggedError, type LoggerOptions } from './logger.ts'

/** Errors whose cause an operator should see without turning anything on. */
const CODES_WITH_CAUSE = new Set<ErrorCode>(['UPSTREAM_UNREACHABLE', 'UPSTREAM_TIMEOUT', 'UPSTREAM_RESET', 'UPSTREAM_INVALID', 'INTERNAL'])

const { info } = levels.values as { info: number }

/** Creates what writes the line of one exchange; above level info there are none. */
export function createAccessLog ({ level, masker, destination }: LoggerOptions): (outcome: Outcome) => void {
  if ((levels.values[level] ?? Infinity) > info) return () => {}
  return outcome => { destination.write(masker.mask(lineOf(outcome))) }
}

/** What is undefined is left out. */
function lineOf ({ bytesIn, bytesOut, caller, cause, durationMs, errorCode, method, path, replay, requestId, status, upstreamMs }: Outcome): string {
  let line = `{"level":${info},"time":${Date.now()},"requestId":${JSON.stringify(requestId)},`
  if (caller !== undefined) line += `"caller":${JSON.stringify(caller)},`
  line += `"method":${JSON.stringify(method)},"path":${JSON.stringify(path)},"status":${status},"bytesIn":${bytesIn},"bytesOut":${bytesOut},"replayed":${replay !== undefined},"durationMs":${round(durationMs)},`
  if (upstreamMs !== undefined) line += `"upstreamMs":${round(upstreamMs)},`
  if (errorCode !== undefined) line += `"errorCode":"PROXY.${errorCode}",`
  if (cause !== undefined && errorCode !== undefined && CODES_WITH_CAUSE.has(errorCode)) line += `"cause":${JSON.stringify(loggedError(cause))},`
  return `${line}"msg":"request"}\n`
}

/** Milliseconds with microseconds behind the point. */
function round (ms: number): number {
  return Math.round(ms * 1000) / 1000
}
