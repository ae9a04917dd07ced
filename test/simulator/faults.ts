/** What can be made to go wrong. Set in code, or over HTTP by the admin calls. */
import { setTimeout } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { refusals } from './refusal.ts'

/** What each fault must be when it comes in over HTTP; also the list of all faults. */
const faultTypes: Record<keyof Faults, 'boolean' | 'number' | 'string'> = {
  tokenLifeSeconds: 'number',
  rejectCredentials: 'boolean',
  rejectPut: 'boolean',
  tokenStatus: 'number',
  tokenRetryAfterSeconds: 'number',
  tokenBody: 'string',
  tokenBodyType: 'string',
  tokenHang: 'boolean',
  tokenDown: 'boolean',
  status: 'number',
  hang: 'boolean',
  delayMs: 'number',
  cut: 'number',
}

/** All faults; absent means off. Each request is treated as they are when its head arrives. "Analysis calls" includes /available-times. */
export interface Faults {
  /** Life of access tokens issued from now on, instead of the simulator's option. */
  tokenLifeSeconds?: number | undefined
  /** POST /token rejects even the right credentials. */
  rejectCredentials?: boolean | undefined
  /** PUT /token gets 405, as from a firewall; POST /token/refreshment still works. */
  rejectPut?: boolean | undefined
  /** Token calls get this status and an envelope. */
  tokenStatus?: number | undefined
  /** Adds Retry-After to {@link tokenStatus}. */
  tokenRetryAfterSeconds?: number | undefined
  /** Token calls get 200 and this instead of tokens. */
  tokenBody?: string | Buffer | undefined
  /** Content type of {@link tokenBody}. @default 'application/json' */
  tokenBodyType?: string | undefined
  /** Token calls never get a response. */
  tokenHang?: boolean | undefined
  /** Token calls get their connection reset. */
  tokenDown?: boolean | undefined
  /** Analysis calls get this status and HTML at once, possibly during the upload, as from a front end. */
  status?: number | undefined
  /** Analysis calls are read and charged, and never get a response. */
  hang?: boolean | undefined
  /** Analysis calls are read and charged; the response comes this much later. */
  delayMs?: number | undefined
  /** Responses of analysis calls announce their full length, but the connection ends after this many bytes of body. */
  cut?: number | undefined
}

/** Merges a JSON body into the faults; null switches one off. Lists the valid names if one is wrong. */
export function mergeFaults (faults: Faults, changes: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(changes)) {
    const type = faultTypes[name as keyof Faults] as string | undefined
    if (type === undefined) throw refusals.badField(`there is no fault ${name}, only ${Object.keys(faultTypes).join(', ')}`)
    const given: string = typeof value
    if (value !== null && given !== type) throw refusals.badField(`${name} must be a ${type} or null`)
  }
  Object.assign(faults, changes)
  for (const name of Object.keys(changes) as Array<keyof Faults>) if (changes[name] === null) delete faults[name]
}

/** Switches all faults off. */
export function resetFaults (faults: Faults): void {
  for (const name of Object.keys(faults) as Array<keyof Faults>) delete faults[name]
}

/** Responds to a token call as the active fault says; does nothing if there is none. */
export async function spoilTokenCall (faults: Faults, reply: FastifyReply): Promise<void> {
  if (faults.tokenDown) {
    reply.hijack()
    reply.raw.socket?.resetAndDestroy()
  } else if (faults.tokenHang) {
    await forever()
  } else if (faults.tokenStatus !== undefined) {
    if (faults.tokenRetryAfterSeconds !== undefined) reply.header('retry-after', faults.tokenRetryAfterSeconds)
    reply.code(faults.tokenStatus).send(refusals.troubled(faults.tokenStatus).envelope())
  } else if (faults.tokenBody !== undefined) {
    reply.type(faults.tokenBodyType ?? 'application/json').send(faults.tokenBody)
  }
}

/** Responds to an analysis call with the front end's error page if that fault is on; returns whether it did. */
export function spoilAnalysisCall (faults: Faults, reply: FastifyReply): boolean {
  if (faults.status === undefined) return false
  const page = `<html>\n<head><title>${faults.status}</title></head>\n<body><center><h1>${faults.status}</h1></center></body>\n</html>\n`
  reply.code(faults.status).type('text/html').send(page)
  return true
}

/** Waits as long as `hang` or `delayMs` say. */
export async function linger (faults: Faults): Promise<void> {
  if (faults.hang) await forever()
  if (faults.delayMs !== undefined) await setTimeout(faults.delayMs, undefined, { ref: false })
}

/** Yields the first bytes of a body and ends the connection when they have left. */
export async function * cutBody (body: string, bytes: number, reply: FastifyReply): AsyncGenerator<Buffer> {
  reply.raw.flushHeaders()
  if (bytes > 0) yield Buffer.from(body).subarray(0, bytes)
  reply.raw.socket?.destroySoon()
  await forever()
}

function forever (): Promise<never> {
  return new Promise(() => {})
}
