/**
 * The only door to time. Everything that waits or compares instants takes a `Clock`, so that tests can freeze, jump and thaw it.
 */

/** A running timer; hand it back to {@link Clock.clearTimeout}. */
export type Timer = object

/** Two readings of time, and timers. All values are in milliseconds. */
export interface Clock {
  /** Wall clock since the Unix epoch: counts while a laptop sleeps, but can be set by anyone. */
  wall: () => number
  /** Monotonic clock: never jumps, but may stand still during suspend. */
  monotonic: () => number
  /** Runs `callback` once after `ms`; the timer alone never keeps the process alive. */
  setTimeout: (callback: () => void, ms: number) => Timer
  clearTimeout: (timer: Timer) => void
}

/** The clocks of this machine. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms).unref(),
  clearTimeout: timer => { clearTimeout(timer as NodeJS.Timeout) },
}

/** Resolves after `ms` of `clock`. */
export async function delay (ms: number, clock: Clock): Promise<void> {
  await new Promise<void>(resolve => { clock.setTimeout(resolve, ms) })
}
