/**
 * Asks a running proxy whether it is ready, at the address the settings name. It reads no credential and loads little: a container
 * does this every few seconds.
 */
import http from 'node:http'
import { settings } from '../config/settings.ts'
import { systemCode } from '../config/text-file.ts'

/** The answer is a short line of JSON; more than this is somebody else's. */
const MAX_RESPONSE_CHARACTERS = 4_096

/** What a warning of `/readyz` looks like. */
const WARNING = /^[a-z_]{1,40}(?::\w{1,64})?$/

/** Addresses to listen everywhere, and the one to call then. */
const EVERYWHERE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1', '[::]': '::1', '*': '127.0.0.1' }

/** Where to ask. */
export interface ProbeTarget {
  /** For people, e.g. `http://127.0.0.1:8080`. */
  readonly place: string
  readonly isTls: boolean
  readonly address: { readonly host: string, readonly port: number } | { readonly socketPath: string }
}

/** What was found there. */
export interface Finding {
  readonly isReady: boolean
  /** One line for people. */
  readonly message: string
}

/** Finds the address in the variables; a sentence when they name none that can be known. */
export function probeTarget (given: Readonly<Record<string, string>>): ProbeTarget | { readonly problem: string } {
  const isAdmin = given['ADMIN_PORT'] !== undefined
  const isTls = !isAdmin && given['TLS_CERT_FILE'] !== undefined
  const socketPath = given['UNIX_SOCKET']
  if (!isAdmin && socketPath !== undefined) return { place: `unix:${socketPath}`, isTls, address: { socketPath } }
  const name = isAdmin ? 'ADMIN_PORT' : 'PORT'
  const text = given[name] ?? String(settings.PORT.default)
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN
  if (!(port <= settings.PORT.maximum)) return { problem: `${name} must be ${settings.PORT.rule}` }
  if (port === 0) return { problem: `${name}=0 takes a free port, which only the proxy's log tells; set one to be asked at` }
  const listened = (isAdmin ? given['ADMIN_HOST'] : given['HOST']) ?? settings.HOST.default
  const host = (EVERYWHERE[listened] ?? listened).replace(/^\[|\]$/g, '')
  return { place: `${isTls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`, isTls, address: { host, port } }
}

/**
 * Asks once. Never throws.
 *
 * @param timeoutMs limit for the whole of it
 */
export async function probeReadiness ({ place, isTls, address }: ProbeTarget, timeoutMs: number): Promise<Finding> {
  const options = { ...address, path: '/readyz', agent: false, headers: { host: 'localhost', accept: 'application/json' }, signal: AbortSignal.timeout(Math.ceil(timeoutMs)) }
  // The certificate is our own listener's, reached by address: there is nobody to be deceived, and nothing secret is sent.
  const request = isTls ? (await import('node:https')).request({ ...options, rejectUnauthorized: false }) : http.request(options)
  try {
    const { status, text } = await readResponse(request)
    return checkReadiness(status, text, place)
  } catch (error) {
    const code = systemCode(error)
    return { isReady: false, message: `not ready: ${reasonOf(code, timeoutMs)} at ${place}` }
  }
}

/** Says what an answer means. Only the words of `/readyz` itself are repeated. */
export function checkReadiness (status: number, text: string, place: string): Finding {
  const { ready, reason, tokenExpiresInSeconds: seconds, warnings } = parse(text)
  const end = formatWarnings(warnings)
  if (status === 200 && ready === true) return { isReady: true, message: `ready: the token is good for another ${String(seconds)} s${end}` }
  if (status === 503 && typeof reason === 'string' && /^[a-z_]{1,40}$/.test(reason)) return { isReady: false, message: `not ready: ${reason}${end}` }
  return { isReady: false, message: `not ready: what answers at ${place} is no amsu-proxy (status ${status})` }
}

function formatWarnings (warnings: unknown): string {
  const words = Array.isArray(warnings) ? warnings.filter(each => typeof each === 'string' && WARNING.test(each)) : []
  return words.length > 0 ? `; warnings: ${words.join(', ')}` : ''
}

function reasonOf (code: string, timeoutMs: number): string {
  if (code === 'ABORT_ERR') return `no answer within ${timeoutMs / 1000} s`
  return code === 'ECONNREFUSED' || code === 'ENOENT' ? `nobody listens (${code})` : `the connection failed (${code})`
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
