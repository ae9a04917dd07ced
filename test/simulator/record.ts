/** What the simulator saw, for tests to assert on. */
import { EventEmitter, once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { callNames } from './calls.ts'
import type { CallName } from './calls.ts'
import type { TokenState } from './tokens.ts'

/** Authorizations kept; older ones are dropped. */
const authorizationsKept = 1000

/** The Authorization header of one request. */
export interface SeenAuthorization {
  call: CallName
  /** Wall clock in milliseconds. */
  at: number
  /** The header as it came. */
  header: string | undefined
  /** What its token was at that time. */
  state: TokenState
}

/** Counters since the start. All of it can be sent as JSON. */
export interface SimulatorRecord {
  /** Requests by call, counted when their head arrives, whatever the response. */
  calls: Record<CallName, number>
  /** The last 1000 requests of all calls but the token calls. */
  authorizations: SeenAuthorization[]
  /** Requests whose access token was out of date. */
  expiredBearers: number
  /** Requests without a valid access token: expired, revoked, unknown or missing. */
  badBearers: number
  /** Headers of the last request that was no token call. */
  lastHeaders: IncomingHttpHeaders
  uploads: {
    /** ECG files that arrived whole. */
    count: number
    /** Bytes of ECG files, those of broken uploads too. */
    bytes: number
    lastBytes: number
    /** In hex. */
    lastSha256: string
  }
}

/** Writes a {@link SimulatorRecord}. */
export interface Recorder {
  readonly record: SimulatorRecord
  noteCall: (call: CallName) => void
  noteAuthorization: (seen: SeenAuthorization, headers: IncomingHttpHeaders) => void
  /** Resolves as soon as `call` has been made `count` times since the start. */
  seen: (call: CallName, count: number) => Promise<void>
}

/** Starts with all counters at 0. */
export function createRecorder (): Recorder {
  const arrivals = new EventEmitter().setMaxListeners(0)
  const record: SimulatorRecord = {
    calls: Object.fromEntries(callNames.map(call => [call, 0])) as Record<CallName, number>,
    authorizations: [],
    expiredBearers: 0,
    badBearers: 0,
    lastHeaders: {},
    uploads: { count: 0, bytes: 0, lastBytes: 0, lastSha256: '' },
  }
  return {
    record,
    noteCall (call) {
      record.calls[call]++
      arrivals.emit(call)
    },
    noteAuthorization (seen, headers) {
      record.authorizations.push(seen)
      if (record.authorizations.length > authorizationsKept) record.authorizations.shift()
      if (seen.state === 'expired') record.expiredBearers++
      if (seen.state !== 'valid') record.badBearers++
      record.lastHeaders = headers
    },
    async seen (call, count) {
      while (record.calls[call] < count) await once(arrivals, call)
    },
  }
}
