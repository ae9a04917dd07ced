/**
 * From a failure to its most likely cause and what to do: pure functions of codes, never of messages. One cause each: a list of
 * everything that might be is no help.
 */
import { CONNECT_TIMEOUT_ERROR, CONNECTION_ENDED_ERROR } from '../upstream/errors.ts'
import type { StepOutcome } from './check-report.ts'

/** A cause and what to do about it. */
export interface Advice {
  readonly cause: string
  readonly advice: string
}

/** What is being reached, so that the right setting is named. */
export interface CheckTarget {
  /** The setting that names it. */
  readonly setting: 'AMSU_BASE_URL' | 'AMSU_HTTP_PROXY'
  /** `host:port`. */
  readonly place: string
  /** Another program's setting of a forward proxy is there (`HTTP_PROXY`), but not ours. */
  readonly hasForeignProxySetting: boolean
}

/** Told where a forward proxy may be the only way out. */
const HINT = 'if this network has a forward proxy, set AMSU_HTTP_PROXY'
const FOREIGN_PROXY: Advice = { cause: 'this network seems to have a forward proxy, because HTTP_PROXY or HTTPS_PROXY is set here', advice: 'set AMSU_HTTP_PROXY: the others are not read' }

/** What codes of failed connections mean. */
const CONNECTIONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name does not exist',
  EAI_AGAIN: 'the name server does not answer: this machine or container has no working DNS',
  ECONNREFUSED: 'nothing listens there, or a firewall refuses',
  ECONNRESET: 'something on the way, such as a firewall, ends the connection',
  [CONNECTION_ENDED_ERROR]: 'something on the way, such as a firewall, ends the connection',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'this machine or container has no network that leads there',
  ETIMEDOUT: 'a firewall on the way drops the packets',
}

/** Codes of a name that could not be resolved. */
const NAMELESS = new Set(['ENOTFOUND', 'EAI_AGAIN'])

/** Names of time-outs, by whoever counts. */
const TIMEOUTS = new Set([CONNECT_TIMEOUT_ERROR, 'TimeoutError', 'ABORT_ERR', 'ETIMEDOUT'])

/** What codes of TLS mean (OpenSSL's `X509_V_ERR_…`, and Node's own). */
const CERTIFICATES: Readonly<Record<string, Advice>> = {
  CERT_HAS_EXPIRED: { cause: 'the certificate has expired, or the clock of this machine is wrong', advice: 'look at the clock first (`date -u`); then tell AMSU' },
  CERT_NOT_YET_VALID: { cause: 'the clock of this machine is behind', advice: 'set the clock: `date -u` shows it' },
  DEPTH_ZERO_SELF_SIGNED_CERT: { cause: 'the certificate is signed by itself: something else than AMSU answers', advice: 'if you expect that certificate, name it in AMSU_CA_FILE' },
  SELF_SIGNED_CERT_IN_CHAIN: { cause: 'a firewall that opens TLS stands between, with an authority of its own', advice: 'name the authority of your network in AMSU_CA_FILE' },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: { cause: 'its authority is not known here, or the server does not send the whole chain', advice: 'name the authority in AMSU_CA_FILE' },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { cause: 'its authority is not known here, or the server does not send the whole chain', advice: 'name the authority in AMSU_CA_FILE' },
  ERR_TLS_CERT_ALTNAME_INVALID: { cause: 'the certificate is for another name', advice: 'write the name of AMSU_BASE_URL as the certificate has it' },
  ERR_SSL_WRONG_VERSION_NUMBER: { cause: 'what listens there does not speak TLS', advice: 'AMSU_BASE_URL may have to be http, or the port is wrong' },
  EPROTO: { cause: 'what listens there does not speak TLS', advice: 'AMSU_BASE_URL may have to be http, or the port is wrong' },
}

/** An answer that was not the one hoped for. */
export interface UnexpectedResponse {
  readonly status: number
  readonly isHtml: boolean
  /** AMSU's `error.code`. */
  readonly code?: string | undefined
}

/** A connection that could not be made. */
export function connectionFailure (code: string, { setting, place, hasForeignProxySetting }: CheckTarget): StepOutcome {
  const isTimeout = TIMEOUTS.has(code)
  const happened = NAMELESS.has(code) ? 'the name has no address' : 'no connection'
  const failure = { status: 'failed', found: `${place}: ${isTimeout ? 'no answer in time' : happened} (${code})`, data: { code } } as const
  if (hasForeignProxySetting && setting === 'AMSU_BASE_URL') return { ...failure, ...FOREIGN_PROXY }
  return {
    ...failure,
    cause: CONNECTIONS[isTimeout ? 'ETIMEDOUT' : code] ?? 'the connection can not be made',
    advice: setting === 'AMSU_HTTP_PROXY' ? 'compare AMSU_HTTP_PROXY with what those who run the network say' : `compare AMSU_BASE_URL with the documentation of AMSU; ${HINT}`,
  }
}

/** A TLS handshake that failed, or a connection on the way to it. */
export function tlsFailure (code: string, target: CheckTarget): StepOutcome {
  const advice = CERTIFICATES[code] ?? (code.startsWith('ERR_SSL_') ? CERTIFICATES['EPROTO'] : undefined)
  return advice === undefined ? connectionFailure(code, target) : { status: 'failed', found: `${target.place}: the certificate or the handshake does not hold (${code})`, ...advice, data: { code } }
}

/** A forward proxy that answered, but did not let us through. */
export function forwardProxyRejection (status: number, hasCredentials: boolean): StepOutcome {
  return { status: 'failed', found: `the forward proxy answered ${status}`, ...rejectionAdvice(status, hasCredentials), data: { status } }
}

function rejectionAdvice (status: number, hasCredentials: boolean): Advice {
  if (status === 407 || status === 401) {
    return hasCredentials
      ? { cause: 'it does not accept the user and password of AMSU_HTTP_PROXY', advice: 'correct them; characters such as @ and : are written as %40 and %3A' }
      : { cause: 'it wants a user and a password', advice: 'write AMSU_HTTP_PROXY as http://user:password@host:port' }
  }
  if (status >= 500) return { cause: 'it can not reach AMSU itself', advice: 'compare AMSU_BASE_URL with the documentation of AMSU; then ask those who run the forward proxy' }
  return { cause: 'its rules do not allow the host or the port of AMSU', advice: 'ask those who run the forward proxy to allow the host and port of AMSU_BASE_URL' }
}

/** An answer to a call of AMSU that is not the one hoped for, whatever the call. */
export function responseFailure ({ status, isHtml, code }: UnexpectedResponse, isForwarded: boolean): StepOutcome {
  const found = `the answer has status ${status}${code === undefined ? '' : ` and says ${code}`}${isHtml ? ' and is a web page' : ''}`
  return { status: 'failed', found, ...responseAdvice(status, isHtml, isForwarded), data: { status, code: code ?? null } }
}

function responseAdvice (status: number, isHtml: boolean, isForwarded: boolean): Advice {
  if (status >= 300 && status < 400) return { cause: 'AMSU has moved, or wants https', advice: 'open AMSU_BASE_URL in a browser and see where it leads' }
  if (status === 429) return { cause: 'AMSU has got too many of these calls', advice: 'wait some minutes' }
  if (isHtml && status < 500) return { cause: `something else than AMSU answers: ${isForwarded ? 'the forward proxy' : 'a captive portal, a firewall or another server'}`, advice: 'compare AMSU_BASE_URL with the documentation of AMSU; if it is right, ask those who run the network' }
  if (status >= 500) return { cause: `AMSU${isForwarded ? ' or the forward proxy' : ''} is in trouble`, advice: 'try again in some minutes; the proxy does so by itself' }
  if (status === 404) return { cause: 'AMSU_BASE_URL leads to something else than AMSU', advice: 'compare AMSU_BASE_URL with the documentation of AMSU' }
  return { cause: 'AMSU does not answer as documented', advice: 'compare AMSU_BASE_URL with the documentation of AMSU; then ask AMSU with this line' }
}
