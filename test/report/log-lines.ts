/**
 * A log whose lines a test can read.
 */
import type { LevelWithSilent, Logger } from 'pino'
import { createLogger } from '../../src/report/logger.ts'
import { createMasker } from '../../src/secrets/masker.ts'
import { Secret } from '../../src/secrets/secret.ts'

export interface LogLines {
  readonly log: Logger
  /** As written, each with its line end. */
  readonly lines: string[]
  /** The last line, parsed. */
  readonly last: () => Record<string, unknown>
}

/** Creates a log that masks `secrets`. */
export function createLog (level: LevelWithSilent = 'trace', secrets: readonly string[] = []): LogLines {
  const lines: string[] = []
  const masker = createMasker()
  secrets.forEach((value, i) => { masker.add(`secret ${i}`, new Secret(value)) })
  const log = createLogger({ level, masker, destination: { write (line) { lines.push(line) } } })
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown> }
}
