/**
 * The clocks of this machine, running faster: a minute of token life passes in seconds, with real sockets in between.
 */
import { systemClock, type Clock } from '../../src/clock.ts'

/** Creates clocks that run `factor` times as fast; timers too. */
export function createScaledClock (factor: number): Clock {
  const wall = systemClock.wall()
  const monotonic = systemClock.monotonic()
  const elapsedMs = (): number => (systemClock.monotonic() - monotonic) * factor
  return {
    wall: () => wall + elapsedMs(),
    monotonic: () => monotonic + elapsedMs(),
    setTimeout: (callback, ms) => systemClock.setTimeout(callback, ms / factor),
    clearTimeout: systemClock.clearTimeout,
  }
}
