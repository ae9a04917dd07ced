/** One request over a connection of its own, for what is not part of a storm. */
import http from 'node:http'
import https from 'node:https'
import { CA } from '../support/tls.ts'
import type { Address } from './client.ts'
import { caller } from './plan-request.ts'

/** What came of it; status 0 is no response. */
export interface Reply {
  readonly status: number
  readonly text: string
  /** Why there is no whole response. */
  readonly error: string | undefined
  readonly ms: number
}

/** What is asked; what is left out is as usual. */
export interface Question {
  readonly method?: string
  readonly path: string
  readonly body?: Buffer
  readonly timeoutMs?: number
  /** Told when the response begins. */
  readonly onResponse?: () => void
}

/** Asks; never throws. */
export async function ask (address: Address, { method = 'GET', path, body, timeoutMs = 10_000, onResponse }: Question): Promise<Reply> {
  const from = performance.now()
  const isTls = 'isTls' in address && address.isTls
  const where = 'path' in address ? { socketPath: address.path } : { host: address.host, port: address.port }
  return await new Promise(resolve => {
    let text = ''
    let status = 0
    const settle = (error?: string): void => { resolve({ status, text, error, ms: performance.now() - from }) }
    const outgoing = (isTls ? https : http).request({
      ...where,
      ...isTls ? { ca: CA, servername: 'localhost' } : {},
      method,
      path,
      agent: false,
      auth: `${caller.name}:${caller.secret}`,
      headers: { host: 'localhost', ...body === undefined ? {} : { 'content-length': body.length } },
    }, incoming => {
      status = incoming.statusCode ?? 0
      onResponse?.()
      incoming.setEncoding('latin1').on('data', (chunk: string) => { text += chunk }).on('end', () => { settle() }).on('error', error => { settle(error.message) })
    })
    outgoing.setTimeout(timeoutMs, () => { outgoing.destroy(new Error(`nothing for ${timeoutMs} ms`)) })
    outgoing.on('error', error => { settle(error.message) })
    outgoing.end(body)
  })
}
