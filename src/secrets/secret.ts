/**
 * Secret: a value that must not be printed. Accidental output (a template, JSON, `util.inspect`, a log line) shows `[redacted]`; code
 * that needs the value calls `reveal()`.
 */
import { inspect } from 'node:util'

/** What is shown in place of a secret. */
export const REDACTED = '[redacted]'

/** A string that cannot be read by accident. */
export class Secret {
  readonly #value: string

  constructor (value: string) {
    this.#value = value
  }

  /** Returns the value. Every call can leak it, so keep calls few. */
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
