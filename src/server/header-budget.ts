/**
 * Memory limit of request headers. The shortest header fields take many times their bytes of memory, so that a head of 16 kB takes half a
 * megabyte. Each connection has a small share for its requests, and what exceeds it comes from one budget of the whole process.
 */
import type { IncomingMessage } from 'node:http'

/** Memory of one header field while its request is in flight: the parsed fields, and those sent to AMSU. */
const FIELD_BYTES = 160

/** Memory of a request without fields, counted in fields. */
const REQUEST_FIELDS = 10

/** What the requests of one connection may always hold: one request with 256 fields, or 20 usual ones. */
export const SHARE_FIELDS = 256 + REQUEST_FIELDS

/** The part of the old space that the header fields beyond the shares may take. */
const BUDGET_PART = 1 / 8

/** Header fields that a local reply needs: those of the request id and of the body. */
const KEPT_FIELDS = ['content-length', 'transfer-encoding', 'x-request-id'] as const

/** The header fields that all connections together may hold beyond their shares. */
export class HeaderBudget {
  #left: number

  constructor (fields: number) {
    this.#left = fields
  }

  /** The budget of a process with this old space. All its listeners must share it, as they share the heap. */
  static of (oldSpaceBytes: number): HeaderBudget {
    return new HeaderBudget(Math.floor(oldSpaceBytes * BUDGET_PART / FIELD_BYTES))
  }

  /** Takes fields, or gives them back if the number is negative. Returns whether they were left. */
  take (fields: number): boolean {
    if (fields > this.#left) return false
    this.#left -= fields
    return true
  }
}

/** The header fields that the requests of one connection hold. */
export class HeaderShare {
  readonly #budget: HeaderBudget
  #fields = 0

  constructor (budget: HeaderBudget) {
    this.#budget = budget
  }

  /** Adds a request, unless neither the share nor the budget has room for it. */
  add (req: IncomingMessage): boolean {
    const fields = this.#fields + costOf(req)
    if (!this.#budget.take(excess(fields) - excess(this.#fields))) return false
    this.#fields = fields
    return true
  }

  /** Removes a request that was added, and whose headers are the same as then. */
  remove (req: IncomingMessage): void {
    this.#set(this.#fields - costOf(req))
  }

  /** Removes all requests. */
  clear (): void {
    this.#set(0)
  }

  #set (fields: number): void {
    this.#budget.take(excess(fields) - excess(this.#fields))
    this.#fields = fields
  }
}

/** Removes the headers of a rejected request, which may wait behind others for long. */
export function dropHeaders (req: IncomingMessage): void {
  const { headers } = req
  req.headers = Object.fromEntries(KEPT_FIELDS.filter(name => headers[name] !== undefined).map(name => [name, headers[name]]))
  req.rawHeaders = []
}

/** Makes Node drop the trailers of a chunked body. Nothing reads them, and they can be as many as the header fields. */
export function ignoreTrailers (req: IncomingMessage): void {
  if (req.headers['transfer-encoding'] !== undefined) Object.defineProperty(req, 'rawTrailers', { get: () => [], set () {} })
}

function costOf ({ rawHeaders }: IncomingMessage): number {
  return REQUEST_FIELDS + rawHeaders.length / 2
}

function excess (fields: number): number {
  return Math.max(0, fields - SHARE_FIELDS)
}
