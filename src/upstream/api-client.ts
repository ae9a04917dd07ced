/**
 * Our own calls of AMSU: token, quota, check. Small requests and small responses, read whole. Nothing is followed, decompressed or
 * retried here.
 */
import type { PendingRequest, RequestHandler } from './pending-request.ts'
import type { FramedResponseHead } from './response-head.ts'
import { createTransport, type TransportOptions } from './transport.ts'

/** A response of AMSU to one of our calls is a few hundred bytes; a longer one is somebody else's. */
const MAX_BODY_BYTES = 65_536

/** Status and header fields of a response. */
export interface ApiResponseHead {
  readonly status: number
  /** By name in lower case; of a repeated field the first. */
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** A response. */
export interface ApiResponse extends ApiResponseHead {
  /** Undefined when it is longer than 64 KiB. */
  readonly body: Buffer | undefined
}

/** One call. */
export interface ApiRequest {
  readonly method: string
  readonly path: string
  /** Flat names and values; `Host` and `Content-Length` are added. */
  readonly headers: readonly string[]
  readonly body?: Buffer
  /** Ends the call. It is the only timeout there is, beside that of connecting. */
  readonly signal: AbortSignal
  /** Told that there is a connection: from now on bytes may have left. */
  readonly onConnected?: () => void
  /** Told the head as soon as it is there, whatever becomes of the body. */
  readonly onResponseHead?: (head: ApiResponseHead) => void
}

/** Makes calls of AMSU. */
export interface ApiClient {
  /** Rejects when there is no whole response, or with the reason of the signal. */
  request: (request: ApiRequest) => Promise<ApiResponse>
  destroy: () => Promise<void>
}

/**
 * Creates the client. Every call has a connection of its own: they are minutes apart, and a reused one that turns out to be stale
 * would look like a method that something on the way does not let pass (`TokenCallFailureKind` `connection_lost`).
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

/** A call under way; collects the response. */
class ApiCall implements RequestHandler {
  readonly #request: ApiRequest
  readonly #resolve: (response: ApiResponse) => void
  readonly #reject: (error: Error) => void
  readonly #chunks: Buffer[] = []
  #head: ApiResponseHead | undefined
  #length = 0
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
    this.#length += chunk.length
    if (this.#length <= MAX_BODY_BYTES) {
      this.#chunks.push(chunk)
    } else {
      this.pending?.abort()
      this.#finish(undefined)
    }
    return true
  }

  onResponseEnd (): void {
    this.#finish(Buffer.concat(this.#chunks))
  }

  onResponseError (cause: Error): void {
    this.#release()
    this.#reject(cause)
  }

  #finish (body: Buffer | undefined): void {
    this.#release()
    this.#resolve({ ...this.#head as ApiResponseHead, body })
  }

  /** A signal may outlive thousands of calls. */
  #release (): void {
    this.#request.signal.removeEventListener('abort', this.onAbort)
  }
}

function byName (flat: readonly string[]): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>
  for (let i = 0; i < flat.length; i += 2) headers[(flat[i] as string).toLowerCase()] ??= flat[i + 1] as string
  return headers
}
