/**
 * Clock: wall clock, monotonic clock and timers. What compares instants or times a request takes a `Clock`, so that tests can control it.
 */

/** A running timer; {@link Clock.clearTimeout} cancels it. */
export type Timer = object

/** A wall clock, a monotonic clock, and timers. All values are in milliseconds. */
export interface Clock {
  /** Wall clock since the Unix epoch: it counts while a laptop sleeps, but it can be set. */
  wall: () => number
  /** Monotonic clock: it never jumps, but it may stop during suspend. */
  monotonic: () => number
  /** Runs `callback` once after `ms`; the timer alone never keeps the process alive. */
  setTimeout: (callback: () => void, ms: number) => Timer
  clearTimeout: (timer: Timer) => void
}

/**
 * An instant on both clocks. What has elapsed since then is the larger of the two differences: the wall clock counts a
 * laptop's sleep, the monotonic clock cannot be set back.
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

/** Returns the milliseconds since `then`, the larger of both clocks; never negative. */
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
