/** The demo from its first line to its last: starts everything, runs the steps, stays up, and cleans up. */
import { once } from 'node:events'
import { basePath } from '../simulator/calls.ts'
import { createCalls } from './calls.ts'
import { createLegacyApp } from './legacy-app.ts'
import { ProxyFailure } from './proxy-process.ts'
import type { Screen } from './screen.ts'
import { setStage } from './stage.ts'
import type { Stage, Undo } from './stage.ts'
import { StepFailure, showCall, showRenewal, showSearch } from './steps.ts'
import type { Show } from './steps.ts'

/** Lines of the proxy's log that are shown when a step fails. */
const linesShown = 10

/** How a demo is run. */
export interface DemoOptions {
  /** The recording to send; a synthetic one without. */
  recordingPath: string | undefined
  /** Ends after the last step. */
  isOnce: boolean
  screen: Screen
  /** Ends the demo at any time. */
  signal: AbortSignal
}

/** How a demo ended: all steps were shown; one failed; it was stopped before the last one. */
export type Ending = 'done' | 'failed' | 'stopped'

/** Runs the demo; in any case, proxy and simulator have ended when this resolves. */
export async function runDemo (options: DemoOptions): Promise<Ending> {
  const ends: Array<() => Promise<void>> = []
  const ending = await perform(options, end => { ends.push(end) })
  for (const end of ends.reverse()) await end().catch(error => { options.screen.say(String(error)) })
  if (options.signal.aborted) options.screen.say('\nProxy and simulator have ended.')
  return ending
}

async function perform ({ recordingPath, isOnce, screen, signal }: DemoOptions, undo: Undo): Promise<Ending> {
  let stage: Stage | undefined
  try {
    stage = await setStage(recordingPath, undo, signal)
    await play(stage, screen, signal)
    if (!isOnce) await stayUp(stage, screen, signal)
    return 'done'
  } catch (error) {
    if (signal.aborted) return 'stopped'
    reportFailure(error, stage, screen)
    return 'failed'
  }
}

async function play (stage: Stage, screen: Screen, signal: AbortSignal): Promise<void> {
  const { simulator, proxy, recordingPath } = stage
  const baseUrl = proxy.address + basePath
  const calls = createCalls(recordingPath)
  const show: Show = { stage, screen, signal, baseUrl, app: createLegacyApp(baseUrl), steps: calls.length + 2, step: 0 }
  screen.say(`AMSU's stand-in  ${simulator.origin}   takes the place of api.amsu-new.com`)
  screen.say(`amsu-proxy       ${proxy.address}   holds the client id and secret`)
  screen.say(`a legacy app     knows ${baseUrl} and nothing else`)
  screen.say()
  for (const call of calls) {
    await showCall(show, call)
    // The first token is short, so that its renewal can be seen; those after it are as long as AMSU's, so that it is quiet then.
    simulator.faults.tokenLifeSeconds = 86_400
  }
  await showRenewal(show)
  await showSearch(show)
}

async function stayUp ({ simulator, proxy }: Stage, screen: Screen, signal: AbortSignal): Promise<void> {
  screen.say(`The proxy stays up at ${proxy.address}, the simulator at ${simulator.origin}; Ctrl-C ends both.`)
  const stopped = signal.aborted ? undefined : once(signal, 'abort').then(() => undefined)
  const reason = await Promise.race([stopped, proxy.ended])
  if (reason !== undefined) throw new StepFailure(`the proxy ${reason}`)
}

function reportFailure (error: unknown, stage: Stage | undefined, screen: Screen): void {
  const isExpected = error instanceof StepFailure || error instanceof ProxyFailure
  screen.say(`${screen.paint('red', '✗')} ${isExpected ? error.message : (error as Error).stack}`)
  const log = error instanceof ProxyFailure ? error.log : stage?.proxy.log ?? []
  if (log.length === 0) return
  screen.say('\nThe last lines of the proxy\'s log:')
  for (const line of log.slice(-linesShown)) screen.say(`  ${line}`)
}
