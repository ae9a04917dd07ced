/**
 * Reads the body of a token request, of any content type, with a size limit and a timeout. Fastify would respond 415 to a type it cannot
 * parse before any route runs, and existing AMSU clients send various types.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { KeptChunks } from '../chunk-joiner.ts'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'

export interface TokenRequestBodyOptions {
  /** Limit of the body's size. */
  readonly limitBytes: number
  /** Timeout for the complete body. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/**
 * Reads the body as UTF-8.
 *
 * @param res sends the 100 Continue that a client may expect (RFC 9110 section 10.1.1)
 * @returns undefined if the client disconnected before the end of the body
 * @throws {ProxyError} BODY_TOO_LARGE, by its Content-Length before a byte is read, or while reading; REQUEST_TIMEOUT
 */
export async function readTokenRequestBody (req: IncomingMessage, res: ServerResponse, { clock, limitBytes, timeoutMs }: TokenRequestBodyOptions): Promise<string | undefined> {
  if (Number(req.headers['content-length'] ?? 0) > limitBytes) throw new ProxyError('BODY_TOO_LARGE')
  if (req.destroyed) return undefined
  return await new Promise((resolve, reject) => {
    const chunks = new KeptChunks()
    const stop = (): void => {
      clock.clearTimeout(timer)
      req.off('data', onData).off('end', onEnd).off('close', onClose).pause()
    }
    const onData = (chunk: Buffer): void => {
      chunks.add(chunk)
      if (chunks.bytes <= limitBytes) return
      stop()
      reject(new ProxyError('BODY_TOO_LARGE'))
    }
    const onEnd = (): void => {
      stop()
      resolve(Buffer.concat(chunks.all()).toString())
    }
    const onClose = (): void => {
      stop()
      resolve(undefined)
    }
    const timer = clock.setTimeout(() => {
      stop()
      reject(new ProxyError('REQUEST_TIMEOUT'))
    }, timeoutMs)
    req.on('data', onData).on('end', onEnd).on('close', onClose)
    if (req.headers.expect !== undefined && req.httpVersion === '1.1') res.writeContinue()
  })
}
