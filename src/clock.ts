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

/**
 * An instant on both clocks. What has elapsed since then is the larger of the two differences: the wall clock counts a
 * laptop's sleep, the monotonic clock can not be set back.
 */
export interface Instant {
  /** Milliseconds since the Unix epoch. */
  readonly wall: number
  /** Milliseconds of the monotonic clock. */
  readonly monotonic: number
}

/** Reads both clocks. */
export function instant (clock: Pick<Clock, 'wall' | 'monotonic'>): Instant {
  return { wall: clock.wall(), monotonic: clock.monotonic() }
}

/** Milliseconds that have surely or possibly gone by since `then`; never negative. */
export function elapsedMs (then: Instant, clock: Pick<Clock, 'wall' | 'monotonic'>): number {
  return Math.max(clock.wall() - then.wall, clock.monotonic() - then.monotonic, 0)
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
