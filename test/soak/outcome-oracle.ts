/**
 * The possible outcomes of a request, given the faults while it ran: every outcome of a soak is checked against this table. What it
 * does not know is unexplained.
 */
import type { Sent } from './caller.ts'
import type { FaultRecord } from './fault-schedule.ts'
import type { Arrival, WireBooks } from './tcp-fault-proxy.ts'

/** How the proxy and the stand-in are set. */
export interface Settings {
  readonly tokenLifeMs: number
  readonly responseTimeoutMs: number
  readonly replayBodyBytes: number
}

/** What is known of a request besides what its client saw. */
export interface Evidence {
  readonly sent: Sent
  readonly arrivals: readonly Arrival[]
  readonly books: WireBooks
  readonly faults: FaultRecord
  readonly settings: Settings
}

/** The result for one request. */
export interface Explanation {
  /** What happened and, for a failure, why it was to be expected. */
  readonly outcome: string
  readonly isExplained: boolean
}

/** A token is not sent in the last tenth of its life. */
const usableShare = 0.9
/** The proxy and the soak see the same event at slightly different times. */
const slackMs = 300
/** The proxy measures idle time from the preceding tick of its timer: a timeout may come this much early. */
const tickMs = 500
/** A request may be written to a connection that broke shortly before, as long as the proxy has not noticed. */
const noticeMs = 1_000
/** The proxy forces renewals at least this far apart. */
const forcedGapMs = 5_000
/** The proxy waits at most this long before it tries a token call again, and that call takes a moment. */
const longestRecoveryMs = 35_000

/** Checks one request. */
export function checkOutcome (evidence: Evidence): Explanation {
  const { ending } = evidence.sent
  switch (ending.kind) {
    case 'aborted':
      return explained(`aborted by the caller while ${evidence.sent.manner.abort}`)
    case 'lost':
      return unexplained('no outcome')
    case 'broken':
      return because(`cut before its response (${ending.code})`, { 'the connection to AMSU was broken in the response\'s middle': evidence.arrivals.some(({ status, brokenAt }) => status !== undefined && brokenAt !== undefined) })
    case 'cut':
      return because(`${ending.status}, cut in its middle`, { 'the connection to AMSU was broken': hasBroken(evidence) })
    case 'response':
      if (!ending.isOwn) return unexplained(`${ending.status} with another X-Request-Id`)
      if (ending.proxyError !== undefined) return checkProxyError(ending.status, ending.proxyError, evidence)
      if (ending.status === 200) return ending.isRight ? explained('200') : unexplained('200 with a wrong response')
      return checkAmsuError(ending.status, ending.amsuError, evidence)
  }
}

/** How often a request was sent where AMSU may have processed it: a rejected token is refused before anything is processed. */
export function processings (arrivals: readonly Arrival[]): number {
  return arrivals.filter(({ status }) => status !== 401).length
}

/** Whether a request was sent more often than it may be: once, and once more after a rejected token; a GET also after a stale connection. */
export function isDoubleSend (arrivals: readonly Arrival[]): boolean {
  const allowed = arrivals[0]?.method === 'GET' ? 2 : 1
  return processings(arrivals) > allowed || arrivals.length > allowed + 1
}

/** A proxy error by code: its status, and the reasons that explain it. */
const proxyErrors: Readonly<Record<string, { status: number, reasons: (evidence: Evidence) => Record<string, boolean> }>> = {
  UPSTREAM_RESET: {
    status: 502,
    reasons: evidence => ({
      'the connection to AMSU was broken': hasBroken(evidence),
      'an idle connection was broken as the request left': evidence.arrivals.length === 0 && hasIdleBreak(evidence),
      'AMSU was down': isDuring('down', evidence),
    }),
  },
  UPSTREAM_INVALID: { status: 502, reasons: evidence => ({ 'the connection to AMSU was broken in the response\'s head': hasBroken(evidence) }) },
  UPSTREAM_UNREACHABLE: {
    status: 502,
    reasons: evidence => ({
      'AMSU was down': isDuring('down', evidence),
      'an idle connection was broken before the request left': evidence.arrivals.length === 0 && hasIdleBreak(evidence),
    }),
  },
  UPSTREAM_TIMEOUT: { status: 504, reasons: evidence => ({ 'AMSU did not respond': hasHung(evidence) }) },
  TOKEN_UNAVAILABLE: { status: 503, reasons: evidence => ({ 'token calls failed and no token was left': isTokenless(evidence) }) },
}

function checkProxyError (status: number, code: string, evidence: Evidence): Explanation {
  const known = proxyErrors[code]
  const what = `${status} ${code}`
  return known?.status === status ? because(what, known.reasons(evidence)) : unexplained(what)
}

function checkAmsuError (status: number, code: string | undefined, evidence: Evidence): Explanation {
  const what = `${status} of AMSU${code === undefined ? '' : ` (${code})`}`
  if (evidence.arrivals.at(-1)?.status !== status && !evidence.arrivals.some(arrival => arrival.status === status)) return unexplained(`${what}, which AMSU never answered`)
  if (status === 401) return because(what, refusedTokenReasons(evidence))
  return because(what, { 'AMSU was in trouble': code === undefined && isDuring('status', evidence) })
}

/** A rejected token is renewed and the request sent again, so the caller sees a 401 for these reasons only. */
function refusedTokenReasons (evidence: Evidence): Record<string, boolean> {
  const { sent: { load, from, to }, arrivals, settings } = evidence
  const refused = arrivals.filter(({ status }) => status === 401)
  const isRevoked = refused.some(arrival => hadRevokedToken(arrival, evidence))
  return {
    'its token was revoked, the body too large to keep': isRevoked && load.bodyBytes > settings.replayBodyBytes,
    'its token was revoked, responded before the body had arrived whole': isRevoked && refused.some(({ isEarly }) => isEarly),
    'its token was revoked, the second one too': isRevoked && refused.length > 1,
    'its token was revoked, no other to be had': isRevoked && tokenTrouble(evidence, from - slackMs, to),
    'its token was revoked, shortly after another one': isRevoked && refused.some(arrival => isSoonAfterForced(arrival, evidence)),
  }
}

/** Whether the token before this one had been refused, and so renewed by force, shortly before. */
function isSoonAfterForced ({ at }: Arrival, { books: { refusals, issues } }: Evidence): boolean {
  return refusals.some(refusedAt => refusedAt < at && refusedAt > at - forcedGapMs - slackMs && issues.some(issuedAt => issuedAt > refusedAt && issuedAt < at))
}

function because (what: string, reasons: Record<string, boolean>): Explanation {
  const reason = Object.entries(reasons).find(([, holds]) => holds)?.[0]
  return reason === undefined ? unexplained(what) : explained(`${what}: ${reason}`)
}

function explained (outcome: string): Explanation {
  return { outcome, isExplained: true }
}

function unexplained (outcome: string): Explanation {
  return { outcome: `${outcome}: UNEXPLAINED`, isExplained: false }
}

function isDuring (trouble: Parameters<FaultRecord['during']>[0], { sent: { from, to }, faults }: Evidence): boolean {
  return faults.during(trouble, from - slackMs, to).length > 0
}

function hasBroken ({ arrivals, sent: { to } }: Evidence): boolean {
  return arrivals.some(({ brokenAt }) => brokenAt !== undefined && brokenAt <= to + slackMs)
}

function hasIdleBreak ({ books: { breaks }, sent: { from, to } }: Evidence): boolean {
  return breaks.some(at => at >= from - noticeMs && at <= to)
}

function hasHung ({ arrivals, faults, sent: { to }, settings: { responseTimeoutMs } }: Evidence): boolean {
  return arrivals.some(({ at, status }) => status === undefined && to - at >= responseTimeoutMs - tickMs - slackMs && faults.during('hang', at - slackMs, at + slackMs).length > 0)
}

/** Whether a token that was worthless by then may have come with this arrival: taken before the revocation, sent after it. */
function hadRevokedToken ({ at, goneAt }: Arrival, { faults: { revocations }, books: { issues } }: Evidence): boolean {
  return revocations.some(revokedAt => {
    const renewedAt = issues.find(issuedAt => issuedAt > revokedAt) ?? Infinity
    return revokedAt <= Math.max(at + noticeMs, goneAt ?? 0) && at <= renewedAt + noticeMs
  })
}

/** Whether token calls failed in a time, or had failed and were not tried again yet. */
function tokenTrouble ({ faults, books: { issues } }: Evidence, from: number, to: number): boolean {
  const intervals = [...faults.during('token outage', 0, to), ...faults.during('down', 0, to)]
  return intervals.some(interval => Math.min(issues.find(issuedAt => issuedAt > interval.to) ?? Infinity, interval.to + longestRecoveryMs) >= from)
}

/** Whether the proxy had no token to send when the request ended. */
function isTokenless (evidence: Evidence): boolean {
  const { sent: { from, to }, books: { issues }, faults: { revocations }, settings: { tokenLifeMs } } = evidence
  const issuedAt = issues.findLast(at => at < to) ?? -Infinity
  const isDead = to >= issuedAt + tokenLifeMs * usableShare - slackMs || revocations.some(at => at > issuedAt - slackMs && at <= to)
  return isDead && tokenTrouble(evidence, from, to)
}
