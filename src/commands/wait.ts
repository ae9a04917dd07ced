/**
 * `amsu-proxy wait`: waits until the proxy is ready, so that what needs it can be started after it.
 */
import { delay, type Clock } from '../clock.ts'
import { readVariables } from '../config/variables.ts'
import type { HealthcheckProcess } from './healthcheck.ts'
import { askReadiness, probeTarget } from './readiness-probe.ts'

/** How long to pause between two questions. */
const PAUSE_MS = 200

/** A proxy that does not answer within this is asked anew. */
const RESPONSE_TIMEOUT_MS = 3_000

/** The process and its clock. */
export interface WaitProcess extends HealthcheckProcess {
  readonly clock: Clock
}

/**
 * Asks until the proxy is ready, at least once.
 *
 * @returns the exit code: 0 ready, 1 not within `timeoutMs`
 */
export async function wait ({ environment, dotenvPath, say, clock }: WaitProcess, timeoutMs: number): Promise<number> {
  const target = probeTarget(readVariables(environment, dotenvPath, []))
  if ('problem' in target) {
    say(`not ready: ${target.problem}`)
    return 1
  }
  const startedAt = clock.monotonic()
  const leftMs = (): number => timeoutMs - (clock.monotonic() - startedAt)
  for (;;) {
    const { isReady, message } = await askReadiness(target, Math.min(RESPONSE_TIMEOUT_MS, Math.max(leftMs(), PAUSE_MS)))
    if (isReady) {
      say(message)
      return 0
    }
    if (leftMs() <= 0) {
      say(`${message}; waited ${timeoutMs / 1000} s`)
      return 1
    }
    await delay(Math.min(PAUSE_MS, leftMs()), clock)
  }
}
