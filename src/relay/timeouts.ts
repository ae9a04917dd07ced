/**
 * Response and idle timeouts (limits by phase: attempt.ts, `overdue`): one timer checks all exchanges. A timer per request, reset at every chunk, costs more than the request. A
 * sweep over all requests in flight costs nothing measurable, and is late by at most one tick.
 *
 * Time in which the event loop was blocked counts for no timeout: data that arrived meanwhile is still unread in the kernel when the late
 * tick runs. So a tick counts as one tick, however late it is.
 */
import type { Clock, Timer } from '../clock.ts'

/** A tick is a quarter of the shortest timeout, within these bounds. */
const MIN_TICK_MS = 10
const MAX_TICK_MS = 500

/** A tick this late means that the event loop was blocked. */
const MIN_STALL_MS = 1_000

/** Something with a timeout. */
export interface TimeoutTarget {
  /** Ends itself if its timeout has expired at `nowMs` of the sweeper. */
  checkTimeout: (nowMs: number) => void
}

/** Checks the timeouts of all targets. */
export interface TimeoutSweeper {
  /** Milliseconds this sweeper has run, as of the last tick: cheap to read, never faster than the clock, at most a tick behind. */
  readonly nowMs: number
  /** Starts ticking, if it does not tick already, until there are no targets. */
  start: () => void
}

/**
 * Creates a sweeper.
 *
 * @param shortestTimeoutMs the shortest timeout of any target
 * @param targets iterated at each tick; a target may remove itself meanwhile
 * @param onEventLoopStall called with the delay of a tick that was very late
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
