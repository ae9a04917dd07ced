/**
 * The configuration problems of an environment.
 */
import { loadConfig, type Environment } from '../../src/config/config.ts'
import { ConfigError } from '../../src/errors.ts'

/** A `.env` that does not exist. */
export const NO_DOTENV = '/nonexistent/.env'

/** The problems of an environment, in order; none if it is accepted. */
export function problemsOf (environment: Environment, dotenvPath = NO_DOTENV): readonly string[] {
  try {
    loadConfig(environment, dotenvPath)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}
