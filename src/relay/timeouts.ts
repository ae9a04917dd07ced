/**
 * Watches all exchanges for silence with one timer. A timer a request, reset at every chunk, costs more than the request; a sweep
 * over everything under way costs nothing worth measuring and may be late by one tick.
 *
 * Time in which this process did not run is nobody's silence: what came in the meantime lies unread in the kernel when the late tick
 * comes. So a tick counts as one tick, however long it took.
 */
import type { Clock, Timer } from '../clock.ts'

/** A tick is a quarter of the shortest time-out, within these bounds. */
const MIN_TICK_MS = 10
const MAX_TICK_MS = 500

/** A tick that comes this late means that the event loop stood still, and everything under way with it. */
const MIN_STALL_MS = 1_000

/** Something that may take too long. */
export interface TimeoutTarget {
  /** Ends itself if it has been silent for too long at `nowMs` of the sweeper. */
  checkTimeout: (nowMs: number) => void
}

/** The watch over everything that is under way. */
export interface TimeoutSweeper {
  /** Milliseconds this sweeper has run, as of the last tick: cheap to read, never ahead of the clock's pace, at most a tick behind. */
  readonly nowMs: number
  /** There is something to look at: ticks, if it does not already, until there is nothing. */
  start: () => void
}

/**
 * Creates a sweeper.
 *
 * @param shortestTimeoutMs the shortest time-out anything watched has
 * @param targets what is watched, as it is at each tick; one that ends itself may leave it
 * @param onEventLoopStall told by how much a tick was late, when that is worth telling
 */
export function createTimeoutSweeper (clock: Clock, shortestTimeoutMs: number, targets: Iterable<TimeoutTarget>, onEventLoopStall: (lateMs: number) => void = () => {}): TimeoutSweeper {
  const tickMs = Math.min(Math.max(shortestTimeoutMs / 4, MIN_TICK_MS), MAX_TICK_MS)
  let timer: Timer | undefined
  let nowMs = 0
  let tickedAtMs = 0

  function tick (): void {
    const lateMs = clock.monotonic() - tickedAtMs - tickMs
    if (lateMs > MIN_STALL_MS) onEventLoopStall(lateMs)
    nowMs += tickMs
    timer = undefined
    for (const target of targets) {
      target.checkTimeout(nowMs)
      timer ??= setTick()
    }
  }

  function setTick (): Timer {
    tickedAtMs = clock.monotonic()
    return clock.setTimeout(tick, tickMs)
  }

  return {
    get nowMs () { return nowMs },
    start () { timer ??= setTick() },
  }
}
