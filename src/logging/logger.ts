/**
 * Logger: one JSON object per line. The last step before a line is written masks the values of our secrets, whatever wrote the line.
 */
import { pino, type DestinationStream, type LevelWithSilent, type Logger } from 'pino'
import type { Masker } from '../secrets/masker.ts'

/** How many nested causes are logged. */
const MAX_CAUSE_DEPTH = 4

export interface LoggerOptions {
  readonly level: LevelWithSilent
  readonly masker: Masker
  readonly destination: DestinationStream
}

/** An error as it is logged. Other fields are omitted, because a parser error of Node contains the bytes that it could not parse. */
interface LoggedError {
  readonly type: string
  readonly code?: string
  readonly message: string
  readonly stack?: string
  readonly cause?: LoggedError
}

/** Creates the logger of the process. */
export function createLogger ({ level, masker, destination }: LoggerOptions): Logger {
  return pino({
    level,
    base: null,
    hooks: { streamWrite: line => masker.mask(line) },
    serializers: { err: (error: unknown) => loggedError(error) },
  }, destination)
}

/** Reduces an error to the fields that are logged. An error with neither a code nor a status is a defect, and only its stack locates it. */
export function loggedError (error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an error' }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const isDefect = code === undefined && !('status' in error && typeof error.status === 'number')
  return {
    type: error.name,
    message: error.message,
    ...(code !== undefined ? { code } : {}),
    ...(isDefect && error.stack !== undefined ? { stack: error.stack } : {}),
    ...(error.cause !== undefined && depth < MAX_CAUSE_DEPTH ? { cause: loggedError(error.cause, depth + 1) } : {}),
  }
}
