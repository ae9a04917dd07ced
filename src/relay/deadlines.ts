/**
 * Watches all exchanges for silence with one timer. A timer a request, reset at every chunk, costs more than the request; a sweep
 * over everything under way costs nothing worth measuring and may be late by one tick.
 *
 * Time in which this process did not run is nobody's silence: what came in the meantime lies unread in the kernel when the late tick
 * comes. So a tick counts as one tick, however long it took.
 */
import type { Clock, Timer } from '../clock.ts'

/** A tick is a quarter of the shortest time-out, within these bounds. */
const SHORTEST_TICK_MS = 10
const LONGEST_TICK_MS = 500

/** A tick that comes this late means that the event loop stood still, and everything under way with it. */
const WORTH_TELLING_MS = 1_000

/** Something that may take too long. */
export interface Watched {
  /** Ends itself if it has been silent for too long at `nowMs` of the watch. */
  checkDeadline: (nowMs: number) => void
}

/** The watch over everything that is under way. */
export interface Deadlines {
  /** Milliseconds this watch has run, as of the last tick: cheap to read, never ahead of the clock's pace, at most a tick behind. */
  readonly nowMs: number
  /** There is something to look at: ticks, if it does not already, until there is nothing. */
  start: () => void
}

/**
 * Creates a watch.
 *
 * @param shortestTimeoutMs the shortest time-out anything watched has
 * @param underWay what is watched, as it is at each tick; one that ends itself may leave it
 * @param onStall told by how much a tick was late, when that is worth telling
 */
export function createDeadlines (clock: Clock, shortestTimeoutMs: number, underWay: Iterable<Watched>, onStall: (lateMs: number) => void = () => {}): Deadlines {
  const tickMs = Math.min(Math.max(shortestTimeoutMs / 4, SHORTEST_TICK_MS), LONGEST_TICK_MS)
  let timer: Timer | undefined
  let nowMs = 0
  let tickedAtMs = 0

  function tick (): void {
    const lateMs = clock.monotonic() - tickedAtMs - tickMs
    if (lateMs > WORTH_TELLING_MS) onStall(lateMs)
    nowMs += tickMs
    timer = undefined
    for (const watched of underWay) {
      watched.checkDeadline(nowMs)
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
