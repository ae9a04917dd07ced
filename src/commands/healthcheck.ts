/**
 * `amsu-proxy healthcheck`: asks a running proxy whether it is ready, for a container's HEALTHCHECK and an `exec` probe.
 */
import { readVariables, type Environment } from '../config/variables.ts'
import { probeReadiness, probeTarget } from './readiness-probe.ts'

/** Shorter than the 5 s that the image gives the whole command. */
const RESPONSE_TIMEOUT_MS = 3_000

/** What this command needs of the process. */
export interface HealthcheckProcess {
  readonly environment: Environment
  readonly dotenvPath: string
  /** Writes a line for people. */
  readonly print: (line: string) => void
}

/**
 * Asks once and prints the result in one line.
 *
 * @returns the exit code: 0 ready, 1 not
 */
export async function healthcheck ({ environment, dotenvPath, print }: HealthcheckProcess): Promise<number> {
  const target = probeTarget(readVariables(environment, dotenvPath, []))
  const { isReady, message } = 'problem' in target ? { isReady: false, message: `not ready: ${target.problem}` } : await probeReadiness(target, RESPONSE_TIMEOUT_MS)
  print(message)
  return isReady ? 0 : 1
}
