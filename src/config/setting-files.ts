/**
 * The files that settings name: secrets (Docker and Kubernetes secrets), callers and certificates. What is wrong with one is a
 * sentence with the setting and the path, never with the content.
 */
import { Secret } from '../secrets/secret.ts'
import { decodeText, readTextFile, toFileError, type Fingerprint } from './text-file.ts'
import type { Pipes } from './variables.ts'

/** What would end a line of a header, a form or a log (RFC 9110 section 5.5), and DEL and C1 beside it. */
const CONTROL_CHARACTER = /\p{Cc}/u

/** What looks like a path, not like a secret that was put into the wrong setting. */
const PATH_LIKE = /\/|\.[a-z]{2,6}$/i

/** What was seen of each file when it was read, by path. */
export type Fingerprints = Readonly<Record<string, Fingerprint>>

/** Reads files, and remembers what it has seen of each, from the same descriptor that the text came from. */
export class SettingFiles {
  readonly #pipes: Pipes
  readonly #seen: Record<string, Fingerprint> = {}
  readonly #openToAll: string[] = []
  readonly #pipeNames: string[] = []

  /** @param pipes what FIFOs held; one that is not among them is refused. @default none */
  constructor (pipes: Pipes = new Map()) {
    this.#pipes = pipes
  }

  /** What was seen of the regular files that were read well. */
  get seen (): Fingerprints {
    return this.#seen
  }

  /** The settings whose files everybody on the machine can read or change. */
  get openToAll (): readonly string[] {
    return this.#openToAll
  }

  /** The settings that name a FIFO, which cannot be read again. */
  get pipeNames (): readonly string[] {
    return this.#pipeNames
  }

  /** The text of a file; undefined, and a problem, when it brings none. */
  read (name: string, path: string, problems: string[]): string | undefined {
    try {
      const piped = this.#pipes.get(path)
      if (piped !== undefined) {
        this.#pipeNames.push(name)
        return decodeText(piped)
      }
      const { text, fingerprint, isOpenToAll } = readTextFile(path)
      this.#seen[path] = fingerprint
      if (isOpenToAll) this.#openToAll.push(name)
      return text
    } catch (error) {
      const { code, message } = toFileError(error)
      const isShown = code !== 'ENOENT' || PATH_LIKE.test(path)
      problems.push(isShown ? withPath(`${name} ${message}`, path) : `${name} ${message}`)
      return undefined
    }
  }

  /** A text that is not empty, such as a certificate. */
  readFilled (name: string, path: string, problems: string[]): string | undefined {
    const text = this.read(name, path, problems)
    if (text === undefined || text.trim() !== '') return text
    problems.push(withPath(`${name} names an empty file`, path))
    return undefined
  }

  /** A secret of one line. One newline at its end is dropped: editors and `echo` add it. */
  readSecret (name: string, path: string, problems: string[]): Secret | undefined {
    const text = this.readFilled(name, path, problems)?.replace(/\r?\n$/, '')
    if (text === undefined) return undefined
    if (!hasControlCharacter(text)) return new Secret(text)
    problems.push(withPath(controlProblem(name), path))
    return undefined
  }
}

/** Whether a secret would be sent as something else than one line of text. */
export function hasControlCharacter (text: string): boolean {
  return CONTROL_CHARACTER.test(text)
}

/** The sentence about a value that {@link hasControlCharacter}. */
export function controlProblem (name: string): string {
  return `${name} holds a line break or another control character`
}

/** A sentence about a file with its path, which cannot break the line it is shown in. */
export function withPath (sentence: string, path: string): string {
  return `${sentence}: ${hasControlCharacter(path) ? JSON.stringify(path) : path}`
}
