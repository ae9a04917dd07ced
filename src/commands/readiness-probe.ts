/**
 * Readiness probe: asks a running proxy's `/readyz`, at the address that the settings name. It reads no credential and loads few
 * modules, because a container runs it every few seconds.
 */
import http from 'node:http'
import { settings } from '../config/settings.ts'
import { codeOf } from '../errors.ts'

/** The response is a short line of JSON; a longer one does not come from this program. */
const MAX_RESPONSE_CHARACTERS = 4_096

/** The form of a warning of `/readyz`. */
const WARNING = /^[a-z_]{1,40}(?::\w{1,64})?$/

/** Wildcard listen addresses, and the loopback address to call instead. */
const WILDCARDS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1', '[::]': '::1', '*': '127.0.0.1' }

/** Where the proxy listens. */
export interface ProbeTarget {
  /** For people, e.g. `http://127.0.0.1:8080`. */
  readonly place: string
  readonly isTls: boolean
  readonly address: { readonly host: string, readonly port: number } | { readonly socketPath: string }
}

/** The result of a probe. */
export interface ProbeResult {
  readonly isReady: boolean
  /** One line for people. */
  readonly message: string
}

/** Finds the address in the variables, or a sentence that says why there is none. */
export function probeTarget (given: Readonly<Record<string, string>>): ProbeTarget | { readonly problem: string } {
  const isAdmin = given['ADMIN_PORT'] !== undefined
  const isTls = !isAdmin && given['TLS_CERT_FILE'] !== undefined
  const socketPath = given['UNIX_SOCKET']
  if (!isAdmin && socketPath !== undefined) return { place: `unix:${socketPath}`, isTls, address: { socketPath } }
  const name = isAdmin ? 'ADMIN_PORT' : 'PORT'
  const text = given[name] ?? String(settings.PORT.default)
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN
  if (!(port <= settings.PORT.maximum)) return { problem: `${name} must be ${settings.PORT.rule}` }
  if (port === 0) return { problem: `${name}=0 takes a free port, which only the proxy's log names; set a fixed port` }
  const listened = (isAdmin ? given['ADMIN_HOST'] : given['HOST']) ?? settings.HOST.default
  const host = (WILDCARDS[listened] ?? listened).replace(/^\[|\]$/g, '')
  return { place: `${isTls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`, isTls, address: { host, port } }
}

/**
 * Probes once. Never throws.
 *
 * @param timeoutMs limit for the complete probe
 */
export async function probeReadiness ({ place, isTls, address }: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  const options = { ...address, path: '/readyz', agent: false, headers: { host: 'localhost', accept: 'application/json' }, signal: AbortSignal.timeout(Math.ceil(timeoutMs)) }
  // Not verified: the certificate is our own listener's, reached by address, and the request holds nothing secret.
  const request = isTls ? (await import('node:https')).request({ ...options, rejectUnauthorized: false }) : http.request(options)
  try {
    const { status, text } = await readResponse(request)
    return checkReadiness(status, text, place)
  } catch (error) {
    return { isReady: false, message: `not ready: ${reasonOf(codeOf(error), timeoutMs)} at ${place}` }
  }
}

/** Interprets a response. The message repeats only words that `/readyz` uses. */
export function checkReadiness (status: number, text: string, place: string): ProbeResult {
  const { ready, reason, tokenExpiresInSeconds: seconds, warnings } = parse(text)
  const end = formatWarnings(warnings)
  if (status === 200 && ready === true) return { isReady: true, message: `ready: the token expires in ${String(seconds)} s${end}` }
  if (status === 503 && typeof reason === 'string' && /^[a-z_]{1,40}$/.test(reason)) return { isReady: false, message: `not ready: ${reason}${end}` }
  return { isReady: false, message: `not ready: the server at ${place} is not amsu-proxy (status ${status})` }
}

function formatWarnings (warnings: unknown): string {
  const words = Array.isArray(warnings) ? warnings.filter(each => typeof each === 'string' && WARNING.test(each)) : []
  return words.length > 0 ? `; warnings: ${words.join(', ')}` : ''
}

function reasonOf (code: string, timeoutMs: number): string {
  if (code === 'ABORT_ERR') return `no response within ${timeoutMs / 1000} s`
  return code === 'ECONNREFUSED' || code === 'ENOENT' ? `nothing listens (${code})` : `the connection failed (${code})`
}

async function readResponse (request: http.ClientRequest): Promise<{ status: number, text: string }> {
  return await new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > MAX_RESPONSE_CHARACTERS) response.destroy()
      })
      response.on('close', () => { resolve({ status: response.statusCode ?? 0, text }) })
      response.on('error', reject)
    })
    request.end()
  })
}

function parse (text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value as Record<string, unknown> : {}
  } catch {
    return {}
  }
}
