/**
 * Reads the files that settings name: secrets (Docker and Kubernetes secrets), callers and certificates. A problem is a sentence with
 * the setting and the path, never with the content.
 */
import { Secret } from '../secrets/secret.ts'
import { decodeText, readTextFile, toFileError, type Fingerprint } from './text-file.ts'
import type { Pipes } from './variables.ts'

/** Characters that would end a line of a header, a form or a log (RFC 9110 section 5.5), and the other control characters, DEL and C1 included. */
const CONTROL_CHARACTER = /\p{Cc}/u

/** A value that looks like a path, and not like a secret in the wrong setting. */
const PATH_LIKE = /\/|\.[a-z]{2,6}$/i

/** The fingerprint of each file when it was read, by path. */
export type Fingerprints = Readonly<Record<string, Fingerprint>>

/** Reads files and keeps the fingerprint of each, taken from the descriptor that the text was read from. */
export class SettingFiles {
  readonly #pipes: Pipes
  readonly #seen: Record<string, Fingerprint> = {}
  readonly #openToAll: string[] = []
  readonly #pipeNames: string[] = []

  /** @param pipes the contents of FIFOs that were read; any other FIFO is an error. @default none */
  constructor (pipes: Pipes = new Map()) {
    this.#pipes = pipes
  }

  /** The fingerprints of the regular files that could be read. */
  get seen (): Fingerprints {
    return this.#seen
  }

  /** The settings whose files every user of the machine can read or change. */
  get openToAll (): readonly string[] {
    return this.#openToAll
  }

  /** The settings that name a FIFO, which cannot be read again. */
  get pipeNames (): readonly string[] {
    return this.#pipeNames
  }

  /** Returns the text of a file. If it cannot be read, returns undefined and adds a problem. */
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

  /** Returns a text that must not be empty, such as a certificate. */
  readNonEmpty (name: string, path: string, problems: string[]): string | undefined {
    const text = this.read(name, path, problems)
    if (text === undefined || text.trim() !== '') return text
    problems.push(withPath(`${name} names an empty file`, path))
    return undefined
  }

  /** Returns a secret of one line. One newline at its end is dropped, because editors and `echo` add it. */
  readSecret (name: string, path: string, problems: string[]): Secret | undefined {
    const text = this.readNonEmpty(name, path, problems)?.replace(/\r?\n$/, '')
    if (text === undefined) return undefined
    if (!hasControlCharacter(text)) return new Secret(text)
    problems.push(withPath(controlProblem(name), path))
    return undefined
  }
}

/** Whether a text has a control character, so that it would not be sent as one line of text. */
export function hasControlCharacter (text: string): boolean {
  return CONTROL_CHARACTER.test(text)
}

/** The problem of a value for which {@link hasControlCharacter} is true. */
export function controlProblem (name: string): string {
  return `${name} contains a line break or another control character`
}

/** Adds the path of a file to a sentence. A path with control characters is quoted, so that it cannot break the line. */
export function withPath (sentence: string, path: string): string {
  return `${sentence}: ${hasControlCharacter(path) ? JSON.stringify(path) : path}`
}
