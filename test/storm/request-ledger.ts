/** Everything known of every request of a storm: what its client did and got, what arrived at AMSU, and what the log says. */
import type { ConnectionScript, PlannedRequest } from './script.ts'

/** A request as it arrived at the stand-in for AMSU, once. Times are in milliseconds of the monotonic clock. */
export interface Arrival {
  readonly method: string
  readonly at: number
  /** Value of `Authorization`. */
  token: string
  bodyBytes: number
  /** Whether the body is that of this request, so far. */
  isBodyRight: boolean
  isWhole: boolean
  /** Whether unsolicited bytes went before on its connection, so that the proxy may have taken them for its response. */
  isTainted: boolean
  /** Whether a byte of a response was written; and the whole of it. */
  isBegun: boolean
  isResponded: boolean
  /** Whether the response said that the token is invalid: nothing was processed. */
  isRefused: boolean
  /** Whether the stand-in broke the connection under it. */
  isBroken: boolean
  /** Whether it did so without a reset, in the middle of a response that ends with its connection: nobody can tell that from a whole one. */
  isCutCleanly: boolean
  goneAt: number | undefined
}

/** A response as a client got it. */
export interface ReceivedResponse {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  bodyBytes: number
  /** Whether the body is that of this request, so far. */
  isBodyRight: boolean
  isWhole: boolean
}

/** A line of the proxy's log that names a request. */
export interface LogLine {
  readonly text: string
  readonly msg: string | undefined
  readonly status: number | undefined
  readonly errorCode: string | undefined
}

/** The first bytes of a connection, either way. */
export interface Trace { sent: string, received: string }

/** One request. */
export interface RequestRecord {
  readonly plan: PlannedRequest
  readonly script: ConnectionScript
  readonly trace: Trace
  /** When its first byte was written. */
  begunAt: number | undefined
  /** When its last byte was. */
  wholeAt: number | undefined
  bodyBytesSent: number
  /** When its client left, by whatever way, before the response was whole. */
  leftAt: number | undefined
  /** When its client ended its own side. */
  halfClosedAt: number | undefined
  /** Whether its client did not read for a while. */
  hasPaused: boolean
  /** When the response was whole, or the connection had ended. */
  endedAt: number | undefined
  /** How the connection ended before the response was whole. */
  ending: string | undefined
  response: ReceivedResponse | undefined
  /** Whether an earlier response of the connection said that it is the last, or was cut. */
  isBehindLast: boolean
  readonly arrivals: Arrival[]
  readonly lines: LogLine[]
}

/** Requests by id. */
export class RequestLedger {
  readonly #records = new Map<string, RequestRecord>()
  /** How often each call of the checks has arrived. */
  readonly #checks = new Map<string, number>()
  /** Arrivals of requests that nobody knows (any more). */
  readonly strangers: string[] = []

  /** Opens the record of each request of a script. */
  open (script: ConnectionScript): RequestRecord[] {
    const trace = { sent: '', received: '' }
    return script.requests.map(plan => {
      const record = createRecord(plan, script, trace)
      this.#records.set(plan.id, record)
      return record
    })
  }

  /** Forgets a record. */
  close ({ plan }: RequestRecord): void {
    this.#records.delete(plan.id)
  }

  /** Takes an arrival; returns how many there are. */
  readonly noteArrival = (id: string, arrival: Arrival): number => {
    const record = this.#records.get(id)
    if (record === undefined) {
      // Calls of the checks are looked at by these.
      if (/^storm-(?:rest|stop)-/.test(id)) {
        const count = (this.#checks.get(id) ?? 0) + 1
        this.#checks.set(id, count)
        return count
      }
      this.strangers.push(`${id}: ${arrival.method} ${arrival.token.startsWith('Bearer') ? '' : arrival.token}`)
      return 1
    }
    return record.arrivals.push(arrival)
  }

  /** Takes a line of the log. */
  readonly noteLine = (id: string, line: LogLine): void => {
    this.#records.get(id)?.lines.push(line)
  }
}

/** The record of a request of which nothing has happened yet. */
export function createRecord (plan: PlannedRequest, script: ConnectionScript, trace: Trace): RequestRecord {
  return {
    plan,
    script,
    trace,
    begunAt: undefined,
    wholeAt: undefined,
    bodyBytesSent: 0,
    leftAt: undefined,
    halfClosedAt: undefined,
    hasPaused: false,
    endedAt: undefined,
    ending: undefined,
    response: undefined,
    isBehindLast: false,
    arrivals: [],
    lines: [],
  }
}

/** An arrival of which only the head is there. */
export function createArrival (method: string, isTainted: boolean): Arrival {
  return { method, at: performance.now(), token: '', bodyBytes: 0, isBodyRight: true, isWhole: false, isTainted, isBegun: false, isResponded: false, isRefused: false, isBroken: false, isCutCleanly: false, goneAt: undefined }
}
