/**
 * Outcomes of invented requests.
 */
import type { Outcome } from '../../src/relay/context.ts'

/** Creates an ordinary outcome with some fields changed. */
export function outcomeOf (changes: Partial<Outcome> = {}): Outcome {
  return {
    requestId: 'id-1',
    caller: undefined,
    method: 'POST',
    path: '/amsu-analysis/v2/hrv/rr-list/',
    status: 200,
    errorCode: undefined,
    cause: undefined,
    bytesIn: 1_048_576,
    bytesOut: 512,
    durationMs: 12.345678,
    replay: undefined,
    upstreamMs: 11.2,
    ...changes,
  }
}
