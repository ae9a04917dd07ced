/**
 * Watches all exchanges for silence with one timer. A timer a request, reset at every chunk, costs more than the request; a sweep
 * over everything under way costs nothing worth measuring and may be late by one tick.
 */
import type { Clock, Timer } from '../clock.ts'

/** A tick is a quarter of the shortest time-out, within these bounds. */
const SHORTEST_TICK_MS = 10
const LONGEST_TICK_MS = 500

/** A tick that comes this late means that the event loop stood still: everything under way stood still with it. */
const WORTH_TELLING_MS = 1_000

/** Something that may take too long. */
export interface Watched {
  /** Ends itself if it has been silent for too long at `nowMs` of the monotonic clock. */
  checkDeadline: (nowMs: number) => void
}

/** The watch over everything that is under way. */
export interface Deadlines {
  /** Monotonic milliseconds as of the last tick: cheap to read, never ahead, at most a tick behind. */
  readonly nowMs: number
  add: (watched: Watched) => void
  remove: (watched: Watched) => void
}

/**
 * Creates a watch that ticks only while it has something to look at.
 *
 * @param shortestTimeoutMs the shortest time-out anything added has
 * @param onStall told by how much a tick was late, when that is worth telling
 */
export function createDeadlines (clock: Clock, shortestTimeoutMs: number, onStall: (lateMs: number) => void = () => {}): Deadlines {
  const tickMs = Math.min(Math.max(shortestTimeoutMs / 4, SHORTEST_TICK_MS), LONGEST_TICK_MS)
  const watchedSet = new Set<Watched>()
  let timer: Timer | undefined
  let nowMs = clock.monotonic()

  function tick (): void {
    const lateMs = clock.monotonic() - nowMs - tickMs
    if (lateMs > WORTH_TELLING_MS) onStall(lateMs)
    nowMs = clock.monotonic()
    for (const watched of watchedSet) watched.checkDeadline(nowMs)
    timer = watchedSet.size === 0 ? undefined : clock.setTimeout(tick, tickMs)
  }

  return {
    get nowMs () { return nowMs },
    add (watched) {
      if (timer === undefined) {
        nowMs = clock.monotonic()
        timer = clock.setTimeout(tick, tickMs)
      }
      watchedSet.add(watched)
    },
    remove (watched) { watchedSet.delete(watched) },
  }
}
