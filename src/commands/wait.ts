/**
 * `amsu-proxy wait`: waits until the proxy is ready, so that programs that need it can start after it.
 */
import { delay, type Clock } from '../clock.ts'
import { readVariables } from '../config/variables.ts'
import type { HealthcheckProcess } from './healthcheck.ts'
import { probeReadiness, probeTarget } from './readiness-probe.ts'

/** The pause between two probes. */
const PAUSE_MS = 200

/** The timeout of one probe. */
const RESPONSE_TIMEOUT_MS = 3_000

/** The process and its clock. */
export interface WaitProcess extends HealthcheckProcess {
  readonly clock: Clock
}

/**
 * Probes until the proxy is ready, at least once.
 *
 * @returns the exit code: 0 ready, 1 not within `timeoutMs`
 */
export async function wait ({ environment, dotenvPath, print, clock }: WaitProcess, timeoutMs: number): Promise<number> {
  const target = probeTarget(readVariables(environment, dotenvPath, []))
  if ('problem' in target) {
    print(`not ready: ${target.problem}`)
    return 1
  }
  const startedAt = clock.monotonic()
  const remainingMs = (): number => timeoutMs - (clock.monotonic() - startedAt)
  for (;;) {
    const { isReady, message } = await probeReadiness(target, Math.min(RESPONSE_TIMEOUT_MS, Math.max(remainingMs(), PAUSE_MS)))
    if (isReady) {
      print(message)
      return 0
    }
    if (remainingMs() <= 0) {
      print(`${message}; waited ${timeoutMs / 1000} s`)
      return 1
    }
    await delay(Math.min(PAUSE_MS, remainingMs()), clock)
  }
}
