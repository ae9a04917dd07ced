/**
 * A clock that moves only when a test advances it.
 */
import type { Clock, Timer } from '../../src/clock.ts'

interface FakeTimer { readonly callback: () => void, readonly dueMs: number }

/** Both clocks start at fixed values; timers run on the monotonic one, as Node's do. */
export class FakeClock implements Clock {
  #wall = Date.UTC(2026, 0, 1)
  #monotonic = 1_000
  readonly #timers = new Set<FakeTimer>()
  /** Every delay asked for, in order. */
  readonly delays: number[] = []

  wall = (): number => this.#wall
  monotonic = (): number => this.#monotonic

  setTimeout = (callback: () => void, ms: number): Timer => {
    this.delays.push(ms)
    const timer = { callback, dueMs: this.#monotonic + ms }
    this.#timers.add(timer)
    return timer
  }

  clearTimeout = (timer: Timer): void => {
    this.#timers.delete(timer as FakeTimer)
  }

  /** How many timers are set. */
  get pending (): number {
    return this.#timers.size
  }

  /** Lets `ms` go by on both clocks, running timers in their order; awaits what they start. */
  async advance (ms: number): Promise<void> {
    const end = this.#monotonic + ms
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)[0]
      if (next === undefined || next.dueMs > end) break
      this.#timers.delete(next)
      this.#go(next.dueMs - this.#monotonic)
      next.callback()
      await settled()
    }
    this.#go(end - this.#monotonic)
    await settled()
  }

  /** Suspend: the wall clock goes on, the monotonic one and all timers stand still. */
  sleep (ms: number): void {
    this.#wall += ms
  }

  /** Both clocks go on, but no timer runs when it is due: a process that is stopped or busy. */
  block (ms: number): void {
    for (const timer of [...this.#timers]) {
      this.#timers.delete(timer)
      this.#timers.add({ ...timer, dueMs: timer.dueMs + ms })
    }
    this.#go(ms)
  }

  /** Someone sets the wall clock. */
  jump (ms: number): void {
    this.#wall += ms
  }

  #go (ms: number): void {
    this.#wall += ms
    this.#monotonic += ms
  }
}

/** Lets promises that are ready settle. */
export async function settled (): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}
