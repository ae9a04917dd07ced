/**
 * HTTP client for the proxy's own AMSU calls (token, quota, check): small requests, and small responses that are read completely. It
 * follows no redirect, decompresses nothing and retries nothing.
 */
import { KeptChunks } from '../chunk-joiner.ts'
import type { PendingRequest, RequestHandler } from './pending-request.ts'
import type { FramedResponseHead } from './response-head.ts'
import { createTransport, type TransportOptions } from './transport.ts'

/** AMSU's responses to these calls have a few hundred bytes. A longer one does not come from AMSU's API. */
const MAX_RESPONSE_BYTES = 65_536

/** Status and header fields of a response. */
export interface ApiResponseHead {
  readonly status: number
  /** By name in lower case; of a repeated field the first value. */
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** A response. */
export interface ApiResponse extends ApiResponseHead {
  /** Undefined if it is longer than 64 KiB. */
  readonly body: Buffer | undefined
}

/** One call. */
export interface ApiRequest {
  readonly method: string
  readonly path: string
  /** Flat names and values; `Host` and `Content-Length` are added. */
  readonly headers: readonly string[]
  readonly body?: Buffer
  /** Aborts the call. Besides the connect timeout, the call has no other timeout. */
  readonly signal: AbortSignal
  /** Called when there is a connection: from now on bytes may have been sent. */
  readonly onConnected?: () => void
  /** Called with the head as soon as it has arrived, even if the body fails. */
  readonly onResponseHead?: (head: ApiResponseHead) => void
}

/** Makes calls of AMSU. */
export interface ApiClient {
  /** Rejects if there is no complete response, or with the reason of the signal. */
  request: (request: ApiRequest) => Promise<ApiResponse>
  destroy: () => Promise<void>
}

/**
 * Creates the client. Every call has its own connection: calls are minutes apart, and a stale keep-alive connection would look
 * like a firewall that blocks the method (`TokenCallFailureKind` `connection_lost`).
 */
export function createApiClient (options: Omit<TransportOptions, 'noKeepAlive'>): ApiClient {
  const transport = createTransport({ ...options, noKeepAlive: true })
  const { host } = new URL(options.origin)
  return {
    request: async request => await new Promise((resolve, reject) => {
      const { body, headers, method, path, signal } = request
      signal.throwIfAborted()
      const length = body === undefined ? [] : ['content-length', String(body.length)]
      const call = new ApiCall(request, resolve, reject)
      call.pending = transport.send({ method, target: path, headers: ['host', host, ...headers, ...length], body }, call)
      signal.addEventListener('abort', call.onAbort, { once: true })
    }),
    destroy: async () => { await transport.destroy() },
  }
}

/** A call in flight; collects the response. */
class ApiCall implements RequestHandler {
  readonly #request: ApiRequest
  readonly #resolve: (response: ApiResponse) => void
  readonly #reject: (error: Error) => void
  readonly #chunks = new KeptChunks()
  #head: ApiResponseHead | undefined
  pending: PendingRequest | undefined

  constructor (request: ApiRequest, resolve: (response: ApiResponse) => void, reject: (error: Error) => void) {
    this.#request = request
    this.#resolve = resolve
    this.#reject = reject
  }

  readonly onAbort = (): void => {
    this.pending?.abort()
    this.#reject(this.#request.signal.reason as Error)
  }

  onConnected (): boolean {
    this.#request.onConnected?.()
    return true
  }

  onRequestSent (): void {}

  onFirstByte (): void {}

  onResponseStart ({ headers, status }: FramedResponseHead): void {
    this.#head = { status, headers: byName(headers) }
    this.#request.onResponseHead?.(this.#head)
  }

  onResponseData (chunk: Buffer): boolean {
    if (this.#chunks.bytes + chunk.length <= MAX_RESPONSE_BYTES) {
      this.#chunks.add(chunk)
    } else {
      this.pending?.abort()
      this.#finish(undefined)
    }
    return true
  }

  onResponseEnd (): void {
    this.#finish(Buffer.concat(this.#chunks.all()))
  }

  onResponseError (cause: Error): void {
    this.#release()
    this.#reject(cause)
  }

  #finish (body: Buffer | undefined): void {
    this.#release()
    this.#resolve({ ...this.#head as ApiResponseHead, body })
  }

  /** Removes the listener: a signal may outlive thousands of calls. */
  #release (): void {
    this.#request.signal.removeEventListener('abort', this.onAbort)
  }
}

function byName (flat: readonly string[]): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>
  for (let i = 0; i < flat.length; i += 2) headers[(flat[i] as string).toLowerCase()] ??= flat[i + 1] as string
  return headers
}
