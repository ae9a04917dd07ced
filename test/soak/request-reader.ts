/** Finds the heads of requests in the bytes of a connection (RFC 9112). Bodies are only counted. */

/** What the next line is part of. */
type Part = 'head' | 'chunk size' | 'trailer'

const lengthHeader = /^content-length: (\d+)$/im
const chunkedHeader = /^transfer-encoding: chunked$/im

/** Reads what one side of a connection sends. */
export class RequestReader {
  readonly #onHead: (head: string) => void
  #part: Part = 'head'
  #line = ''
  #head = ''
  /** Bytes of the body, or of a chunk and its end, that are still to come. */
  #left = 0

  /** @param onHead told every head, its lines ended by a newline */
  constructor (onHead: (head: string) => void) {
    this.#onHead = onHead
  }

  /** Whether nothing of a request is still to come. */
  get isWhole (): boolean {
    return this.#part === 'head' && this.#left === 0 && this.#head === '' && this.#line === ''
  }

  /** Takes the next bytes. */
  feed (bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, bytes.length - at)
        this.#left -= skipped
        at += skipped
        continue
      }
      const end = bytes.indexOf(10, at)
      this.#line += bytes.toString('latin1', at, end < 0 ? bytes.length : end)
      if (end < 0) return
      at = end + 1
      this.#takeLine()
    }
  }

  #takeLine (): void {
    const line = this.#line.trimEnd()
    this.#line = ''
    switch (this.#part) {
      case 'head':
        if (line !== '') this.#head += `${line}\n`
        else if (this.#head !== '') this.#endHead()
        return
      case 'chunk size':
        this.#left = Number.parseInt(line, 16)
        if (this.#left > 0) this.#left += 2
        else this.#part = 'trailer'
        return
      case 'trailer':
        if (line === '') this.#part = 'head'
    }
  }

  #endHead (): void {
    const head = this.#head
    this.#head = ''
    if (chunkedHeader.test(head)) this.#part = 'chunk size'
    else this.#left = Number(lengthHeader.exec(head)?.[1] ?? 0)
    this.#onHead(head)
  }
}
