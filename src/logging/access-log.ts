/**
 * Access log: one line for each accepted request when it ends, also if nothing of it was sent to AMSU, with what an operator needs to trace
 * it. The line contains no header value, no query and no body.
 *
 * It is the line that pino would write, but built without pino, whose serialization of objects took 5 % of the time of a small
 * request.
 */
import { levels } from 'pino'
import type { ErrorCode } from '../errors.ts'
import type { Outcome } from '../relay/context.ts'
import { loggedError, type LoggerOptions } from './logger.ts'

/** Failures on AMSU's side or ours. */
const OPERATORS_CONCERNS = new Set<ErrorCode>(['UPSTREAM_UNREACHABLE', 'UPSTREAM_TIMEOUT', 'UPSTREAM_RESET', 'UPSTREAM_INVALID', 'INTERNAL'])

const { info } = levels.values as { info: number }

/** Whether an operator can act on this error, so that its cause is logged. */
export function isOperatorsConcern (code: ErrorCode): boolean {
  return OPERATORS_CONCERNS.has(code)
}

/** Creates a function that writes the line of one exchange; above level info it writes nothing. */
export function createAccessLog ({ level, masker, destination }: LoggerOptions): (outcome: Outcome) => void {
  if ((levels.values[level] ?? Infinity) > info) return () => {}
  return outcome => { destination.write(masker.mask(lineOf(outcome))) }
}

/** Builds the line. Undefined fields are omitted. */
function lineOf ({ bytesIn, bytesOut, caller, cause, durationMs, errorCode, method, path, replay, requestId, status, upstreamMs }: Outcome): string {
  let line = `{"level":${info},"time":${Date.now()},"requestId":${JSON.stringify(requestId)},`
  if (caller !== undefined) line += `"caller":${JSON.stringify(caller)},`
  line += `"method":${JSON.stringify(method)},"path":${JSON.stringify(path)},"status":${status},"bytesIn":${bytesIn},"bytesOut":${bytesOut},"replayed":${replay !== undefined},"durationMs":${round(durationMs)},`
  if (upstreamMs !== undefined) line += `"upstreamMs":${round(upstreamMs)},`
  if (errorCode !== undefined) line += `"errorCode":"PROXY.${errorCode}",`
  if (cause !== undefined && errorCode !== undefined && isOperatorsConcern(errorCode)) line += `"cause":${JSON.stringify(loggedError(cause))},`
  return `${line}"msg":"request"}\n`
}

/** Rounds milliseconds to microseconds. */
function round (ms: number): number {
  return Math.round(ms * 1000) / 1000
}
