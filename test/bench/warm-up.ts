/** What a program has behind it before it is measured, the same for all. */
import { press, type Pressure, type Seen } from './load.ts'
import type { Running } from './stage.ts'

/** Requests that each program has served before anything is measured: V8 compiles for the first thirty thousand. */
const WARM_UP_REQUESTS = 40_000
/** Seconds after which a program is warm, however few those were. */
const WARM_UP_SECONDS = 30
/** Between two looks at how many they are. */
const STEP_SECONDS = 2

/** A way of pressing, for as long as somebody else says. */
export type Load = Omit<Pressure, 'seconds'>

/** Presses all of them at once until each is warm. */
export async function warmUp (all: readonly Running[], load: Load): Promise<void> {
  const responded = all.map(() => 0)
  for (let seconds = 0; seconds < WARM_UP_SECONDS && Math.min(...responded) < WARM_UP_REQUESTS; seconds += STEP_SECONDS) {
    for (const [i, { requests }] of (await pressTogether(all, load, STEP_SECONDS)).entries()) responded[i] = (responded[i] ?? 0) + requests
  }
}

/** Presses all of them at once. */
export async function pressTogether (all: readonly Running[], load: Load, seconds: number): Promise<Seen[]> {
  return await Promise.all(all.map(async running => await press(running, { ...load, seconds })))
}
