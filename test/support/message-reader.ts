/** Reads HTTP/1 messages (RFC 9112) from the bytes of a connection, requests or responses, strictly, and keeps nothing of a body. */

/** How long the body of a message is: a number of bytes, in chunks, or until the connection ends. */
export type Framing = number | 'chunked' | 'close'

/** The head of a message. */
export interface MessageHead {
  readonly startLine: string
  /** Values by lower-case name; those of a repeated field are joined by `, `. */
  readonly headers: ReadonlyMap<string, string>
}

/** Told what was read, in this order. */
export interface MessageHandler {
  /** Decides how the body is framed. */
  onHead: (head: MessageHead) => Framing
  onBody: (chunk: Buffer) => void
  onEnd: () => void
}

/** The bytes are not HTTP. */
export class MessageError extends Error {}

type Part = 'head' | 'body' | 'chunk size' | 'chunk end' | 'trailer'

const fieldLine = /^([!#$%&'*+\-.^_`|~\dA-Za-z]+):[\t ]*(.*)$/
const chunkLine = /^([\da-fA-F]{1,8})(?:;.*)?$/

/** Reads what one side of a connection sends. */
export class MessageReader {
  readonly #handler: MessageHandler
  #part: Part = 'head'
  #line = ''
  #lines: string[] = []
  #left = 0
  #hasBegun = false

  constructor (handler: MessageHandler) {
    this.#handler = handler
  }

  /** Whether something of a message has come, and its end has not. */
  get hasBegun (): boolean {
    return this.#hasBegun
  }

  /** Takes the next bytes. @throws {MessageError} */
  feed (bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      this.#hasBegun = true
      if (this.#left > 0) {
        const end = Math.min(bytes.length, at + this.#left)
        this.#left -= end - at
        this.#handler.onBody(bytes.subarray(at, end))
        at = end
        if (this.#left === 0) this.#endBody()
        continue
      }
      const end = bytes.indexOf(10, at)
      this.#line += bytes.toString('latin1', at, end < 0 ? bytes.length : end)
      if (end < 0) return
      at = end + 1
      this.#takeLine()
    }
  }

  /** The connection has ended; returns whether that was between two messages. */
  end (): boolean {
    if (this.#hasBegun && this.#left === Infinity) {
      this.#left = 0
      this.#finish()
    }
    return !this.#hasBegun
  }

  #takeLine (): void {
    if (!this.#line.endsWith('\r')) throw new MessageError(`a line without CR: ${this.#line.slice(0, 60)}`)
    const line = this.#line.slice(0, -1)
    this.#line = ''
    switch (this.#part) {
      case 'head':
        if (line !== '') this.#lines.push(line)
        else if (this.#lines.length > 0) this.#endHead()
        else throw new MessageError('an empty line before a head')
        return
      case 'chunk size':
        this.#left = Number.parseInt(chunkLine.exec(line)?.[1] ?? fail(`chunk size ${line.slice(0, 60)}`), 16)
        if (this.#left === 0) this.#part = 'trailer'
        return
      case 'chunk end':
        if (line !== '') throw new MessageError('a chunk longer than its size')
        this.#part = 'chunk size'
        return
      case 'trailer':
        if (line === '') this.#finish()
        break
      case 'body':
    }
  }

  #endHead (): void {
    const [startLine = '', ...lines] = this.#lines
    this.#lines = []
    const headers = new Map<string, string>()
    for (const line of lines) {
      const [, name = '', value = ''] = fieldLine.exec(line) ?? fail(`header ${line.slice(0, 60)}`)
      const before = headers.get(name.toLowerCase())
      headers.set(name.toLowerCase(), before === undefined ? value.trimEnd() : `${before}, ${value.trimEnd()}`)
    }
    const framing = this.#handler.onHead({ startLine, headers })
    if (framing === 'chunked') {
      this.#part = 'chunk size'
    } else if (framing === 0) {
      this.#finish()
    } else {
      this.#part = 'body'
      this.#left = framing === 'close' ? Infinity : framing
    }
  }

  #endBody (): void {
    if (this.#part === 'body') this.#finish()
    else this.#part = 'chunk end'
  }

  #finish (): void {
    this.#part = 'head'
    this.#hasBegun = false
    this.#handler.onEnd()
  }
}

/** How the body of a request is framed (RFC 9112 section 6.3). */
export function requestFraming ({ headers }: MessageHead): Framing {
  return headers.get('transfer-encoding') === 'chunked' ? 'chunked' : lengthOf(headers.get('content-length') ?? '0')
}

/** How the body of a response to a request of this method is framed (RFC 9112 section 6.3). */
export function responseFraming ({ startLine, headers }: MessageHead, method: string): Framing {
  const status = statusOf(startLine)
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 0
  if (headers.get('transfer-encoding') === 'chunked') return 'chunked'
  const length = headers.get('content-length')
  return length === undefined ? 'close' : lengthOf(length)
}

/** The status in a status line. @throws {MessageError} */
export function statusOf (startLine: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(startLine)?.[1] ?? fail(`status line ${startLine.slice(0, 60)}`))
}

function lengthOf (value: string): number {
  return /^\d+$/.test(value) ? Number(value) : fail(`length ${value.slice(0, 60)}`)
}

function fail (what: string): never {
  throw new MessageError(what)
}
