/**
 * A value that must not be printed. Whatever prints it by accident (a template, JSON, `util.inspect`, a log line) shows
 * `[redacted]`; whoever needs it says so with `reveal()`.
 */
import { inspect } from 'node:util'

/** What is shown in place of a secret. */
export const REDACTED = '[redacted]'

/** A string nobody can read by accident. */
export class Secret {
  readonly #value: string

  constructor (value: string) {
    this.#value = value
  }

  /** The value itself. Every call of this is a door; keep them few. */
  reveal (): string {
    return this.#value
  }

  toString (): string {
    return REDACTED
  }

  toJSON (): string {
    return REDACTED
  }

  [inspect.custom] (): string {
    return REDACTED
  }
}
