/** The steps of the demo. Each makes real calls, checks them, and prints a few lines. */
import { setTimeout } from 'node:timers/promises'
import { grouped, timesCall } from './calls.ts'
import type { DemoCall, Result } from './calls.ts'
import { searchSecrets } from './evidence.ts'
import type { AppResponse, LegacyApp } from './legacy-app.ts'
import type { Screen } from './screen.ts'
import { firstTokenLifeSeconds } from './stage.ts'
import type { Stage } from './stage.ts'

/** Milliseconds between two calls of an app that is used while the token is renewed. */
const callEveryMs = 250
/** Milliseconds that the call goes on past the first token's end, when only a new one can do. */
const pastEndMs = 300
/** Calls that are made even if the first token died during the steps before. */
const leastCalls = 4
/** Milliseconds in which the proxy's last line gets here. */
const logDelayMs = 100
/** Milliseconds in which the end of a proxy is noticed after its connections broke. */
const endDelayMs = 200

/** What the steps share. */
export interface Show {
  readonly stage: Stage
  readonly screen: Screen
  readonly signal: AbortSignal
  readonly baseUrl: string
  readonly app: LegacyApp
  /** How many there are. */
  readonly steps: number
  /** The one that is shown. */
  step: number
  /** When the first response came, so that the first token is at least as old, by `performance.now()`. */
  heldSince?: number
}

/** A step that did not go as it should. */
export class StepFailure extends Error {}

/** Makes a call and shows the response. */
export async function showCall (show: Show, call: DemoCall): Promise<void> {
  const { app, screen, signal, baseUrl } = show
  announce(show, call.title, call.curl(baseUrl))
  let share = 0
  const response = await screen.during(
    () => share < 1 ? `${screen.bar(share)}${Math.round(share * 100)} % sent` : 'waiting for the response',
    attempt(show, app.call(call.request, signal, sent => { share = sent }))
  )
  show.heldSince ??= performance.now()
  conclude(show, `${response.status} in ${grouped(Math.ceil(response.durationMs))} ms`, [read(show, call, response)])
}

/** Goes on calling until the first token has expired, and shows that no call failed. */
export async function showRenewal (show: Show): Promise<void> {
  const { app, screen, signal, baseUrl, stage: { simulator } } = show
  const { heldSince = performance.now() } = show
  const { calls } = simulator.record
  announce(show, `The first token lives ${firstTokenLifeSeconds} s; the app goes on and on`, `while sleep 0.25; do ${timesCall.curl(baseUrl)}; done`)
  const endsAt = heldSince + firstTokenLifeSeconds * 1000 + pastEndMs
  let count = 0
  let renewedAfter = calls['PUT /token'] > 0 ? 'before this step' : undefined
  const elapsedMs = () => performance.now() - heldSince
  const keepCalling = async () => {
    do {
      read(show, timesCall, await app.call(timesCall.request, signal))
      count++
      if (calls['PUT /token'] > 0) renewedAfter ??= `after ${(elapsedMs() / 1000).toFixed(1)} s`
      await setTimeout(callEveryMs, undefined, { signal })
    } while (performance.now() < endsAt || count < leastCalls)
  }
  await screen.during(
    () => `${screen.bar(elapsedMs() / (endsAt - heldSince))}${(elapsedMs() / 1000).toFixed(1)} s, ${count} calls, ${renewedAfter === undefined ? 'not renewed yet' : `renewed ${renewedAfter}`}`,
    attempt(show, keepCalling())
  )
  if (renewedAfter === undefined) fail(show, 'the proxy has not renewed its token')
  conclude(show, `${count} calls, none failed`, [
    `renewed ${renewedAfter} by PUT /token; the first token was dead after ${firstTokenLifeSeconds} s`,
    `token calls: ${calls['POST /token']} with the client secret, ${calls['PUT /token']} with the refresh token; calls with a dead token: ${simulator.record.badBearers}`,
  ])
}

/** Looks for every secret in all that came to the app and all that the proxy logged. */
export async function showSearch (show: Show): Promise<void> {
  const { app, screen, baseUrl, stage: { simulator, wire, proxy } } = show
  announce(show, 'What the app\'s side held', `curl -i ${baseUrl}/available-times`)
  await setTimeout(logDelayMs)
  const { secrets, heard } = wire
  const tokens = secrets.size - 2
  if (tokens !== simulator.issueCount * 2 || heard.size !== secrets.size) fail(show, `the demo knows ${tokens} tokens of ${simulator.issueCount * 2}, so its search would prove nothing`)
  const places = [
    ...app.exchanges.flatMap(({ sent, received }) => [['the app\'s requests', sent], ['the app\'s responses', received]] as const),
    ['the proxy\'s log', [Buffer.from(proxy.log.join('\n'))]] as const,
  ]
  const { bytes, found } = await screen.during(() => 'searching', searchSecrets(places, secrets))
  if (found.length > 0) fail(show, `found: ${found.join(', ')}`)
  const authorized = app.exchanges.filter(({ sent: [head] }) => /^authorization:/im.test(String(head))).length
  conclude(show, `${app.exchanges.length} requests, ${authorized} with an Authorization header`, [
    `searched ${grouped(bytes)} bytes of the app's traffic and the proxy's log for ${secrets.size} secrets: none found`,
    `they are the client id and secret and ${tokens} tokens; between the proxy and AMSU, all ${heard.size} went by`,
  ])
}

function announce (show: Show, title: string, command: string): void {
  show.step++
  show.screen.say(show.screen.paint('bold', `${show.step}/${show.steps}  ${title}`))
  show.screen.say(`     ${show.screen.paint('cyan', `$ ${command}`)}`)
}

function conclude ({ screen }: Show, result: string, lines: string[]): void {
  screen.say(`   ${screen.paint('green', '✓')} ${result}`)
  for (const line of lines) screen.say(`     ${line}`)
  screen.say()
}

/** Turns a connection error into the failure of a step. */
async function attempt<T> (show: Show, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof StepFailure) throw error
    const reason = await Promise.race([show.stage.proxy.ended, setTimeout(endDelayMs)])
    return fail(show, reason === undefined ? (error as Error).message : `the proxy ${reason}`)
  }
}

function read (show: Show, call: DemoCall, { status, body }: AppResponse): string {
  const text = body.toString()
  let result: Result & { error?: { code: string, msg: string } }
  try {
    result = JSON.parse(text) as typeof result
  } catch {
    return fail(show, `status ${status}, not JSON: ${text.slice(0, 200)}`)
  }
  if (status !== 200) fail(show, `status ${status} ${result.error?.code}: ${result.error?.msg}`)
  try {
    return call.describe(result)
  } catch (error) {
    return fail(show, `status 200, but ${(error as Error).message}`)
  }
}

function fail (show: Show, message: string): never {
  throw new StepFailure(`step ${show.step} failed: ${message}`)
}
