/**
 * Callers of the proxy: one that speaks HTTP, and one that sends bytes.
 */
import http from 'node:http'
import net from 'node:net'

export interface ReceivedResponse {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly text: string
}

export interface CallOptions {
  readonly method?: string
  readonly headers?: http.OutgoingHttpHeaders | readonly string[]
  readonly body?: string | Buffer
  readonly agent?: http.Agent
  readonly signal?: AbortSignal
}

/** Makes one HTTP call and reads the whole response; rejects when the connection breaks before its end. */
export async function call (origin: string, path: string, { body, ...options }: CallOptions = {}): Promise<ReceivedResponse> {
  return await new Promise((resolve, reject) => {
    const { protocol, hostname, port } = new URL(origin)
    // The path as it is: a URL object would resolve dots and turn backslashes.
    const req = http.request({ protocol, hostname, port, path, ...options } as http.RequestOptions, res => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const whole = Buffer.concat(chunks)
        resolve({ status: Number(res.statusCode), headers: res.headers, rawHeaders: res.rawHeaders, body: whole, text: whole.toString() })
      })
    })
    req.on('error', reject)
    req.end(body)
  })
}

/**
 * Sends bytes over a new connection and resolves with all that came back once the proxy has ended it (or reset it: `isReset`).
 * `onFirstBytes` is called when the first of it is there.
 */
export async function sendBytes (port: number, bytes: string | Buffer, onFirstBytes = (): void => {}): Promise<{ text: string, isReset: boolean }> {
  return await new Promise(resolve => {
    const chunks: Buffer[] = []
    let isReset = false
    const socket = net.connect(port, '127.0.0.1', () => { socket.write(bytes) })
    socket.on('data', chunk => chunks.push(chunk))
    socket.once('data', onFirstBytes)
    socket.on('error', () => { isReset = true })
    socket.on('close', () => { resolve({ text: Buffer.concat(chunks).toString('latin1'), isReset }) })
  })
}

/** Reads the code of an error response, or undefined. */
export function errorCode (text: string): string | undefined {
  return /"code":"([A-Z_.]+)"/.exec(text)?.[1]
}
