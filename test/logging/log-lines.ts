/**
 * A log whose lines a test can read.
 */
import type { LevelWithSilent, Logger } from 'pino'
import { createAccessLog } from '../../src/logging/access-log.ts'
import { createLogger } from '../../src/logging/logger.ts'
import type { Outcome } from '../../src/relay/context.ts'
import { createMasker } from '../../src/secrets/masker.ts'
import { Secret } from '../../src/secrets/secret.ts'

export interface LogLines {
  readonly log: Logger
  readonly logOutcome: (outcome: Outcome) => void
  /** The lines as written, each with its newline. */
  readonly lines: string[]
  /** The last line, parsed. */
  readonly last: () => Record<string, unknown>
}

/** Creates a log that masks `secrets`. */
export function createLog (level: LevelWithSilent = 'trace', secrets: readonly string[] = []): LogLines {
  const lines: string[] = []
  const masker = createMasker()
  secrets.forEach((value, i) => { masker.add(`secret ${i}`, new Secret(value)) })
  const logging = { level, masker, destination: { write (line: string) { lines.push(line) } } }
  return { log: createLogger(logging), logOutcome: createAccessLog(logging), lines, last: () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown> }
}
