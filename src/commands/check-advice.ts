/**
 * Diagnosis for `check`: maps an error code to its most likely cause and to advice. The functions are pure and read codes, never
 * messages. Each failure gets one cause, because a list of possible causes is no help.
 */
import { CONNECT_TIMEOUT_ERROR, CONNECTION_ENDED_ERROR } from '../upstream/errors.ts'
import type { StepOutcome } from './check-report.ts'

/** A likely cause, and what to do about it. */
interface Advice {
  readonly cause: string
  readonly advice: string
}

/** The host that a step connects to, so that the advice names the right setting. */
export interface CheckTarget {
  /** The setting that names the host. */
  readonly setting: 'AMSU_BASE_URL' | 'AMSU_HTTP_PROXY'
  /** `host:port`. */
  readonly place: string
  /** Another program's setting for a forward proxy (`HTTP_PROXY`) is set, but not ours. */
  readonly hasForeignProxySetting: boolean
}

/** Advice where a forward proxy may be the only way out of the network. */
const HINT = 'if this network has a forward proxy, set AMSU_HTTP_PROXY'
const FOREIGN_PROXY: Advice = { cause: 'this network seems to have a forward proxy, because HTTP_PROXY or HTTPS_PROXY is set', advice: 'set AMSU_HTTP_PROXY: this program does not read the others' }

/** Causes by the code of a failed connection. */
const CONNECTIONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name does not exist',
  EAI_AGAIN: 'the DNS server does not respond: this machine or container has no working DNS',
  ECONNREFUSED: 'nothing listens there, or a firewall rejects the connection',
  ECONNRESET: 'something on the way, such as a firewall, closes the connection',
  [CONNECTION_ENDED_ERROR]: 'something on the way, such as a firewall, closes the connection',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'this machine or container has no network that reaches the host',
  ETIMEDOUT: 'a firewall on the way drops the packets',
}

/** Codes of a host name that cannot be resolved. */
const UNRESOLVED = new Set(['ENOTFOUND', 'EAI_AGAIN'])

/** Codes and names of timeout errors, of each component that reports one. */
const TIMEOUTS = new Set([CONNECT_TIMEOUT_ERROR, 'TimeoutError', 'ABORT_ERR', 'ETIMEDOUT'])

/** Causes by the code of a TLS error (OpenSSL's `X509_V_ERR_…`, and Node's own). */
const CERTIFICATES: Readonly<Record<string, Advice>> = {
  CERT_HAS_EXPIRED: { cause: 'the certificate has expired, or the clock of this machine is wrong', advice: 'check the clock first (`date -u`); then tell AMSU' },
  CERT_NOT_YET_VALID: { cause: 'the clock of this machine is behind', advice: 'set the clock; `date -u` shows its time' },
  DEPTH_ZERO_SELF_SIGNED_CERT: { cause: 'the certificate is self-signed: something other than AMSU responds', advice: 'if you expect that certificate, add it to AMSU_CA_FILE' },
  SELF_SIGNED_CERT_IN_CHAIN: { cause: 'a firewall on the way intercepts TLS with a certificate authority of its own', advice: 'add the certificate authority of your network to AMSU_CA_FILE' },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: { cause: 'this machine does not know the certificate authority, or the server does not send the complete chain', advice: 'add the certificate authority to AMSU_CA_FILE' },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { cause: 'this machine does not know the certificate authority, or the server does not send the complete chain', advice: 'add the certificate authority to AMSU_CA_FILE' },
  ERR_TLS_CERT_ALTNAME_INVALID: { cause: 'the certificate is for another host name', advice: 'use the host name of the certificate in AMSU_BASE_URL' },
  ERR_SSL_WRONG_VERSION_NUMBER: { cause: 'the server does not speak TLS', advice: 'use http in AMSU_BASE_URL, or correct the port' },
  EPROTO: { cause: 'the server does not speak TLS', advice: 'use http in AMSU_BASE_URL, or correct the port' },
}

/** A response that is not the expected one. */
export interface UnexpectedResponse {
  readonly status: number
  readonly isHtml: boolean
  /** AMSU's `error.code`. */
  readonly code?: string | undefined
}

/** Describes a connection that failed. */
export function connectionFailure (code: string, { setting, place, hasForeignProxySetting }: CheckTarget): StepOutcome {
  const isTimeout = TIMEOUTS.has(code)
  const problem = UNRESOLVED.has(code) ? 'the name has no address' : 'no connection'
  const failure = { status: 'failed', found: `${place}: ${isTimeout ? 'no response in time' : problem} (${code})`, data: { code } } as const
  if (hasForeignProxySetting && setting === 'AMSU_BASE_URL') return { ...failure, ...FOREIGN_PROXY }
  return {
    ...failure,
    cause: CONNECTIONS[isTimeout ? 'ETIMEDOUT' : code] ?? 'the connection failed',
    advice: setting === 'AMSU_HTTP_PROXY' ? 'compare AMSU_HTTP_PROXY with what the network administrators specify' : `compare AMSU_BASE_URL with the documentation of AMSU; ${HINT}`,
  }
}

/** Describes a TLS handshake that failed, or the connection below it. */
export function tlsFailure (code: string, target: CheckTarget): StepOutcome {
  const advice = CERTIFICATES[code] ?? (code.startsWith('ERR_SSL_') ? CERTIFICATES['EPROTO'] : undefined)
  return advice === undefined ? connectionFailure(code, target) : { status: 'failed', found: `${target.place}: the certificate is invalid or the TLS handshake failed (${code})`, ...advice, data: { code } }
}

/** Describes a forward proxy that responded but refused the connection. */
export function forwardProxyRejection (status: number, hasCredentials: boolean): StepOutcome {
  return { status: 'failed', found: `the forward proxy responded with ${status}`, ...rejectionAdvice(status, hasCredentials), data: { status } }
}

function rejectionAdvice (status: number, hasCredentials: boolean): Advice {
  if (status === 407 || status === 401) {
    return hasCredentials
      ? { cause: 'the forward proxy does not accept the user and password of AMSU_HTTP_PROXY', advice: 'correct them; write characters such as @ and : as %40 and %3A' }
      : { cause: 'the forward proxy requires a user and a password', advice: 'write AMSU_HTTP_PROXY as http://user:password@host:port' }
  }
  if (status >= 500) return { cause: 'the forward proxy cannot reach AMSU', advice: 'compare AMSU_BASE_URL with the documentation of AMSU; then ask the administrators of the forward proxy' }
  return { cause: 'the rules of the forward proxy do not allow the host or the port of AMSU', advice: 'ask the administrators of the forward proxy to allow the host and port of AMSU_BASE_URL' }
}

/** Describes an unexpected response to any call of AMSU. */
export function responseFailure ({ status, isHtml, code }: UnexpectedResponse, isForwarded: boolean): StepOutcome {
  const found = `the response has status ${status}${code === undefined ? '' : ` and the code ${code}`}${isHtml ? ' and is a web page' : ''}`
  return { status: 'failed', found, ...responseAdvice(status, isHtml, isForwarded), data: { status, code: code ?? null } }
}

function responseAdvice (status: number, isHtml: boolean, isForwarded: boolean): Advice {
  if (status >= 300 && status < 400) return { cause: 'AMSU has moved, or requires https', advice: 'open AMSU_BASE_URL in a browser and see where it redirects' }
  if (status === 429) return { cause: 'AMSU received too many of these calls', advice: 'wait some minutes' }
  if (isHtml && status < 500) return { cause: `something other than AMSU responds: ${isForwarded ? 'the forward proxy' : 'a captive portal, a firewall or another server'}`, advice: 'compare AMSU_BASE_URL with the documentation of AMSU; if it is right, ask the network administrators' }
  if (status >= 500) return { cause: isForwarded ? 'AMSU or the forward proxy has an outage' : 'AMSU has an outage', advice: 'try again in some minutes; the proxy retries by itself' }
  if (status === 404) return { cause: 'AMSU_BASE_URL points to something other than AMSU', advice: 'compare AMSU_BASE_URL with the documentation of AMSU' }
  return { cause: 'AMSU does not respond as documented', advice: 'compare AMSU_BASE_URL with the documentation of AMSU; then ask AMSU with this line' }
}
