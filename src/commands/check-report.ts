/**
 * The report of `check`, as text for people and as JSON for programs: pure functions of the steps. The names of the steps and fields
 * are fixed; new ones may be added.
 */

/** The steps, in the order in which they run. */
export type StepName = 'configuration' | 'forward_proxy' | 'dns' | 'tcp' | 'tls' | 'token' | 'refresh_put' | 'refresh_post' | 'available_times'

/** `note`: the step succeeded, and there is something to know. */
export type StepStatus = 'ok' | 'note' | 'failed' | 'not_tried'

/** The result of a step. All texts are for people. */
export interface StepOutcome {
  readonly status: StepStatus
  /** What the step found, or what happened. */
  readonly found: string
  /** The most likely cause of a failure. */
  readonly cause?: string
  /** What to do about it. */
  readonly advice?: string
  /** The findings for programs. */
  readonly data?: Readonly<Record<string, unknown>>
}

/** A step that ran or was skipped. */
export interface Step extends StepOutcome {
  readonly name: StepName
  /** Milliseconds; undefined for a step that was not tried. */
  readonly durationMs: number | undefined
}

/** Text attributes of a terminal (ECMA-48 section 8.3.117). */
const COLORS: Readonly<Record<StepStatus, number>> = { ok: 32, note: 33, failed: 31, not_tried: 2 }

const WORDS: Readonly<Record<StepStatus, string>> = { ok: 'ok', note: 'note', failed: 'FAILED', not_tried: '-' }

/** Columns of the lines for people. */
const WORD_WIDTH = 7
const NAME_WIDTH = 16
const TIME_WIDTH = 8

/** Whether no step failed. */
export function isGood (steps: readonly Step[]): boolean {
  return steps.every(({ status }) => status !== 'failed')
}

/** One of the two refresh calls is enough, and the proxy finds out which: if only one failed, that is a note. */
export function checkRefreshes (put: Step, post: Step): Step[] {
  return [[put, post], [post, put]].map(([step, other]) => {
    if (step?.status !== 'failed' || other?.status === 'failed') return step as Step
    return { ...step, status: 'note', advice: 'nothing: the proxy renews the token by the other call' }
  })
}

/** Renders one step as a line, with further lines for its cause and advice. */
export function renderStep ({ name, status, found, cause, advice, durationMs }: Step, isColored: boolean): string {
  const word = WORDS[status].padEnd(WORD_WIDTH)
  const time = durationMs === undefined ? '' : `${Math.round(durationMs)} ms`
  const lines = [`${isColored ? `\u001b[${COLORS[status]}m${word}\u001b[0m` : word} ${name.replaceAll('_', ' ').padEnd(NAME_WIDTH)}${time.padStart(TIME_WIDTH)}  ${found}`]
  if (cause !== undefined) lines.push(`${' '.repeat(WORD_WIDTH)} likely cause: ${cause}`)
  if (advice !== undefined) lines.push(`${' '.repeat(WORD_WIDTH)} what to do: ${advice}`)
  return `${lines.join('\n')}\n`
}

/** Renders the last line. */
export function renderSummary (steps: readonly Step[]): string {
  const names = (status: StepStatus): string => steps.filter(step => step.status === status).map(({ name }) => name.replaceAll('_', ' ')).join(', ')
  const notes = names('note') === '' ? '' : ` See the notes at: ${names('note')}.`
  return isGood(steps) ? `All steps passed.${notes}\n` : `Failed: ${names('failed')}.${notes}\n`
}

/** Renders all steps as one JSON object. */
export function renderJson (steps: readonly Step[], durationMs: number): string {
  return `${JSON.stringify({
    ok: isGood(steps),
    durationMs: Math.round(durationMs),
    steps: steps.map(({ name, status, durationMs, found, cause, advice, data }) => ({
      name,
      status,
      durationMs: durationMs === undefined ? null : Math.round(durationMs),
      found,
      cause: cause ?? null,
      advice: advice ?? null,
      data: data ?? {},
    })),
  }, null, 2)}\n`
}
