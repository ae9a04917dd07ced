/**
 * What must hold of a request, whatever the timing. Each rule has the letter of its invariant: (b) no defect, (d) never silence,
 * (e) no response of somebody else, (f) never charged twice, (g) one line a request, (h) a request gets a response or fails for a reason of
 * its own, (j) what is called safe to repeat was not processed.
 */
import { outcomesOf } from './amsu-fault.ts'
import type { Arrival, RequestRecord } from './request-ledger.ts'

/** What else is known of the time in which a request ran. */
export interface Circumstances {
  /** Longest time in which the storm itself, or the proxy, was late, between two times, in milliseconds. */
  readonly lateMs: (from: number, to: number) => number
  /** Whether AMSU broke all its connections between two times: what was written to one just then never arrived. */
  readonly hasBroken: (from: number, to: number) => boolean
  /** Whether AMSU wrote unsolicited bytes between two times: a request may have met them that AMSU never saw. */
  readonly hasStrayed: (from: number, to: number) => boolean
  /** Whether the response to a request was written behind such bytes, so that it may be taken for that of the next one. */
  readonly isDisplaced: (id: string) => boolean
  /** Whether the proxy died or was stopped between two times. */
  readonly wasDown: (from: number, to: number) => boolean
}

/** Beyond this a timeout may be the machine's fault. */
const calmMs = 250

/** A client that takes longer for its request may be taken for silent. */
const slowMs = 600

/** Codes that say that nothing was sent to AMSU. */
const nothingSent = new Set([
  'TOKEN_UNAVAILABLE', 'CREDENTIALS_REJECTED', 'UPSTREAM_UNREACHABLE', 'OVERLOADED', 'DRAINING', 'HEAD_TOO_LARGE', 'EXPECTATION_FAILED', 'PATH_REJECTED', 'HOST_REJECTED',
  'ORIGIN_REJECTED', 'ROUTE_REJECTED', 'METHOD_REJECTED', 'NOT_FOUND', 'LOOP', 'CALLER_UNAUTHENTICATED', 'INVALID_TOKEN_REQUEST',
])
/** Errors that a storm makes likely for any request. */
const always = new Set(['TOKEN_UNAVAILABLE', 'UPSTREAM_UNREACHABLE', 'OVERLOADED'])
/** Errors that say that AMSU may have processed the request. */
const maybeCharged = new Set(['UPSTREAM_RESET', 'UPSTREAM_TIMEOUT', 'UPSTREAM_INVALID'])
/** Errors that say that the request never was one. */
const neverWhole = new Set(['REQUEST_TIMEOUT', 'BAD_REQUEST'])

/** Everything that does not hold of a request. */
export function checkRequest (record: RequestRecord, circumstances: Circumstances): string[] {
  if (record.begunAt === undefined) return record.arrivals.length > 0 ? ['(f) arrived at AMSU, although it was never sent'] : []
  const findings = [...checkArrivals(record), ...checkResponse(record, circumstances)]
  if (circumstances.wasDown(record.begunAt, record.endedAt ?? Infinity)) return findings
  return [...findings, ...checkSilence(record), ...checkOutcome(record, circumstances), ...checkLines(record)]
}

/** What a client got, in a word: for the tally. */
export function outcomeOf ({ plan, response, ending, leftAt, halfClosedAt, isBehindLast, begunAt }: RequestRecord): string {
  if (begunAt === undefined) return `${plan.kind}: not sent`
  if (response === undefined) return `${plan.kind}: ${leftAt !== undefined ? 'left' : isBehindLast ? 'behind the last response' : `no response (${String(ending)})${halfClosedAt === undefined ? '' : ' after its client ended its side'}`}`
  const code = response.headers.get('x-amsu-proxy-error')
  const what = code ?? (plan.kind === 'own' ? String(response.status) : 'own')
  return `${plan.kind}: ${response.isWhole ? what : leftAt === undefined ? `cut (${what})` : 'left'}`
}

function codeOf ({ response }: RequestRecord): string | undefined {
  return response?.headers.get('x-amsu-proxy-error')
}

function checkArrivals (record: RequestRecord): string[] {
  const { plan, arrivals } = record
  const findings: string[] = []
  // One that met an unasked response may have been told that its token is invalid.
  const processed = arrivals.filter(({ isWhole, isRefused, isTainted }) => isWhole && !isRefused && !isTainted)
  if (processed.length > (isIdempotent(plan.method) ? 2 : 1)) findings.push(`(f) arrived whole at AMSU ${arrivals.length} times`)
  if (plan.kind === 'trap' || plan.kind === 'refused' || plan.kind === 'own') {
    if (arrivals.length > 0) findings.push(`(f) a ${plan.kind} request arrived at AMSU`)
    return findings
  }
  if (plan.kind === 'broken') return processed.length > 0 ? ['(f) a broken request arrived whole at AMSU'] : findings
  if (arrivals.some(({ isBodyRight }) => !isBodyRight) && plan.otherBodyBytes === undefined) findings.push('(e) arrived with another body')
  const bytes = plan.otherBodyBytes ?? plan.body?.bytes ?? 0
  if (arrivals.some(({ isWhole, bodyBytes }) => isWhole && bodyBytes !== bytes)) findings.push(`(e) arrived with a body of ${arrivals.map(({ bodyBytes }) => bodyBytes).join(' and ')} bytes instead of ${bytes}`)
  return [...findings, ...checkCode(record)]
}

/** What an error says of AMSU is true. */
function checkCode (record: RequestRecord): string[] {
  const { plan, arrivals } = record
  const code = codeOf(record) ?? ''
  const findings: string[] = []
  if (nothingSent.has(code) && !isIdempotent(plan.method) && arrivals.some(({ isRefused }) => !isRefused)) findings.push(`(f) ${code} says that nothing was sent, but AMSU has seen it`)
  if (neverWhole.has(code) && arrivals.some(({ isWhole }) => isWhole)) findings.push(`(j) ${code} says that it is safe to repeat, but AMSU has seen it whole`)
  return findings
}

/** Whether the proxy may send it again after a stale connection. */
function isIdempotent (method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

function checkResponse (record: RequestRecord, circumstances: Circumstances): string[] {
  const { plan, response, ending, arrivals } = record
  if (ending?.startsWith('unreadable') === true) return [`(e) ${ending}`]
  if (response === undefined) return []
  const code = codeOf(record)
  const findings: string[] = []
  if (response.status === 500 || code === 'INTERNAL') findings.push('(b) 500')
  if (plan.kind === 'trap') {
    if (response.status < 400) findings.push(`(f) ${response.status} for what is no request`)
    return findings
  }
  const named = response.headers.get('x-request-id')
  // What was refused before its head was read has an id of the proxy's.
  if (plan.isNamed && named !== undefined && named !== plan.id && (code === undefined || named.startsWith('storm-'))) findings.push(`(e) the response names request ${named}`)
  if (code !== undefined || arrivals.some(({ isTainted }) => isTainted) || isCrossed(record, circumstances)) return findings
  if (plan.kind === 'own' || plan.kind === 'refused' || plan.kind === 'broken') {
    if (response.headers.has('x-storm-id')) findings.push(`(e) AMSU's response to ${String(response.headers.get('x-storm-id'))}`)
    return findings
  }
  if (response.headers.get('x-storm-id') !== plan.id) findings.push(`(e) somebody else's response: ${String(response.headers.get('x-storm-id'))}`)
  if (arrivals.length === 0) findings.push('(e) a response of AMSU, which never saw the request')
  const size = response.headers.get('x-storm-size')
  const isBare = plan.method === 'HEAD' || response.status === 204 || response.status === 304
  if (!response.isBodyRight) findings.push('(e) the response has another body')
  else if (response.isWhole && size !== undefined && !isBare && !hasUnclearEnd(record) && response.bodyBytes !== Number(size)) findings.push(`(e) ${response.bodyBytes} of ${size} bytes, and a clean end`)
  return findings
}

/**
 * Whether an unasked response may have crossed a request that was just being written. AMSU ends the connection behind some of them,
 * before it has read the request; nobody can tell then what the response belongs to. The next request on that connection may then meet the
 * response to this one. A request of which nothing can have been written yet must not get it.
 */
function isCrossed (record: RequestRecord, { hasStrayed, isDisplaced }: Circumstances): boolean {
  const { arrivals, begunAt, bodyBytesSent, endedAt, response, wholeAt } = record
  const id = response?.headers.get('x-storm-id')
  const isStray = id === undefined ? response?.status === 408 && hasStrayed(begunAt!, endedAt ?? Infinity) : id.startsWith('unasked-') || isDisplaced(id)
  const isBegun = bodyBytesSent > 0 || (wholeAt !== undefined && endedAt !== undefined && wholeAt < endedAt)
  return isStray && arrivals.length === 0 && isBegun
}

/**
 * Whether a cut may look like the end of a response without length: for the proxy, where AMSU cut it without a reset; and for the client,
 * where there is no reset on a unix socket and Node.js does not tell how TLS ended.
 */
function hasUnclearEnd ({ arrivals, response, script: { proxy } }: RequestRecord): boolean {
  if (arrivals.some(({ isCutCleanly }) => isCutCleanly)) return true
  const isUnframed = response?.headers.has('content-length') === false && !response.headers.has('transfer-encoding')
  return isUnframed && (proxy === 'unix' || proxy === 'tls')
}

/** Who has sent all and stays gets at least a byte, and an end. */
function checkSilence ({ plan, wholeAt, leftAt, halfClosedAt, response, ending, isBehindLast }: RequestRecord): string[] {
  if (plan.kind === 'trap' || leftAt !== undefined || halfClosedAt !== undefined || isBehindLast) return []
  if (ending === 'lost') return wholeAt === undefined && plan.kind === 'broken' ? [] : ['(d) no end of it']
  // Once a write has failed, Node.js reads no more, whatever has come: at the end of a unix socket, or of TLS.
  if (response !== undefined || ending === 'EPIPE') return []
  // A client that still writes must get what a guard says, too.
  if (wholeAt === undefined && plan.kind === 'broken') return []
  return [`(d) ${String(ending)} without a byte of a response`]
}

/** A complete request gets a response of AMSU, or fails for a reason of its own. */
function checkOutcome (record: RequestRecord, circumstances: Circumstances): string[] {
  const { lateMs, hasBroken, hasStrayed } = circumstances
  const { plan, response, leftAt, halfClosedAt, hasPaused, isBehindLast, begunAt, endedAt, wholeAt, arrivals, bodyBytesSent } = record
  if (response === undefined || leftAt !== undefined || halfClosedAt !== undefined || isBehindLast) return []
  const code = codeOf(record)
  if (plan.kind === 'own') return response.isWhole && (code === undefined || code === 'OVERLOADED') ? [] : [`(h) ${code ?? 'cut'} from an endpoint of the proxy's own`]
  if (plan.kind === 'refused') return response.status >= 400 && code !== undefined && !maybeCharged.has(code) ? [] : [`(h) ${response.status} ${code ?? ''} to a request that must be refused`]
  if (plan.kind !== 'relayed' || hasPaused) return []
  const isCalm = lateMs(begunAt!, endedAt ?? performance.now()) < calmMs
  if (code !== undefined && maybeCharged.has(code) && (plan.body?.bytes ?? 0) > 0 && bodyBytesSent === 0 && wholeAt === undefined && arrivals.length === 0) return [`(f) ${code} says that it may have been charged, but nothing of it was there to be sent`]
  if (arrivals.some(isUnclear) || isCrossed(record, circumstances)) return []
  const outcome = !response.isWhole ? 'cut' : code ?? 'own'
  if (always.has(outcome) || (outcomesOf(plan.fault) as readonly string[]).includes(outcome)) return []
  if (outcome === 'own' && hasUnclearEnd(record)) return []
  // Its head is all of it.
  if (outcome === 'own' && plan.fault.name === 'headOnly' && (plan.method === 'HEAD' || plan.fault.size === 0)) return []
  if (outcome === 'REQUEST_TIMEOUT' && (wholeAt === undefined || wholeAt - begunAt! > slowMs || !isCalm)) return []
  // It was written to a connection that AMSU had ended.
  if (outcome === 'UPSTREAM_RESET' && !arrivals.some(({ isBegun, isRefused }) => isBegun && !isRefused)) return []
  if (outcome === 'UPSTREAM_TIMEOUT' && !isCalm) return []
  if (outcome === 'UPSTREAM_INVALID' && arrivals.length === 0 && [hasBroken, hasStrayed].some(has => has(begunAt!, endedAt ?? Infinity))) return []
  return [`(h) ${outcome} ${code === undefined ? '' : `(${response.status}) `}where AMSU did “${plan.fault.name}”, of which comes ${outcomesOf(plan.fault).join(' or ')}`]
}

/** Whether the stand-in spoilt the connection for a reason that had nothing to do with the request. */
function isUnclear ({ isTainted, isBroken }: Arrival): boolean {
  return isTainted || isBroken
}

/** One line of the log for what was relayed, with what its client saw. */
function checkLines (record: RequestRecord): string[] {
  const { plan, script, arrivals, lines, response, leftAt } = record
  const ends = lines.filter(({ msg }) => msg === 'request')
  if (ends.length > 1) return [`(g) ${ends.length} lines`]
  const isRelayed = arrivals.length > 0 || (response?.headers.has('x-storm-id') === true)
  if (plan.kind === 'trap' || plan.kind === 'own') return []
  if (isRelayed && ends.length === 0) return ['(g) no line']
  const [line] = ends
  if (line === undefined || response === undefined || leftAt !== undefined || !response.isWhole) return []
  // A client that disconnects as soon as it has everything may be noticed first.
  if (line.status === 499 && script.steps.some(step => step.do === 'leave')) return []
  return line.status === response.status ? [] : [`(g) logged as ${String(line.status)}, but its client saw ${response.status}`]
}
