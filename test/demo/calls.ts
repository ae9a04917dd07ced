/** The calls of the demo: the request, the same as a curl command, and the response in words. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { AppRequest } from './legacy-app.ts'

const person = { height: 170, weight: 65.5, age: 40, gender: 0 }
const recording = { model: 'offline', device: 'V6' }
const run = { ...person, hr: 150, cadence: 170, waistline: 80, body_fat: 15.1 }

/** Names of the quotas in /available-times, in words. */
const families = { arrhythmia_analysis: 'arrhythmia', hrv_analysis: 'HRV', health_analysis: 'health', calorie_analysis: 'calories' }

/** A successful response of AMSU. */
export type Result = Record<string, unknown>

/** One call that the demo shows. */
export interface DemoCall {
  title: string
  request: AppRequest
  /** Does the same as the request. */
  curl: (baseUrl: string) => string
  /** Returns the response in words; throws when it is not what AMSU documents. */
  describe: (result: Result) => string
}

/** The call that costs nothing. */
export const timesCall: DemoCall = {
  title: 'What is left of the prepaid analyses',
  request: { method: 'GET', path: '/available-times' },
  curl: baseUrl => `curl ${baseUrl}/available-times`,
  describe: result => Object.entries(families).map(([family, words]) => `${words} ${left(numberIn(result, family))}`).join(', '),
}

/** Returns all calls in the order in which they are shown. */
export function createCalls (recordingPath: string): DemoCall[] {
  const file = { name: basename(recordingPath), bytes: readFileSync(recordingPath) }
  const ofEcg = (title: string, path: string, fields: Record<string, string | number>, describe: DemoCall['describe']): DemoCall => ({
    title,
    request: { method: 'POST', path, body: { fields, file } },
    curl: baseUrl => `curl ${Object.entries(fields).map(([name, value]) => `-F ${name}=${value} `).join('')}-F ${filePart(recordingPath)} ${baseUrl}${path}`,
    describe,
  })
  return [
    timesCall,
    ofEcg('The time between any two heart beats', '/hrv/rr-list/', recording, describeIntervals),
    ofEcg('Heart rate variability', '/hrv/common/results/', { ...person, ...recording }, describeVariability),
    ofEcg('Arrhythmia', '/arrhythmia/common/results/', { ...person, ...recording }, describeRhythm),
    {
      title: 'Calories of a run',
      request: { method: 'POST', path: '/calorie/running/results/', body: { json: run } },
      curl: baseUrl => `curl -H 'Content-Type: application/json' -d '${JSON.stringify(run)}' ${baseUrl}/calorie/running/results/`,
      describe: result => `${numberIn(result, 'burning_rate')} kcal a minute at ${run.hr} beats a minute`,
    },
  ]
}

/** Returns a whole number with its thousands parted. */
export function grouped (value: number): string {
  return value.toLocaleString('en-US')
}

function describeIntervals (result: Result): string {
  const list = result['rr_list']
  if (!Array.isArray(list) || list.length === 0) throw new Error('the response has no rr_list')
  const meanMs = (list as number[]).reduce((sum, ms) => sum + ms, 0) / list.length
  return `${grouped(list.length)} intervals, ${Math.round(meanMs)} ms in the mean: ${(60_000 / meanMs).toFixed(1)} beats a minute`
}

function describeVariability (result: Result): string {
  const of = (name: string) => numberIn(result, name)
  return `SDNN ${of('sdnn')} ms, RMSSD ${of('rmssd')} ms, pNN50 ${of('pnn50')} %, total power ${grouped(of('tp'))} ms²`
}

function describeRhythm (result: Result): string {
  const of = (name: string) => numberIn(result, name)
  const lowest = `${of('min_hr')}/min at ${clock(of('min_hr_time'))}`
  const highest = `${of('max_hr')}/min at ${clock(of('max_hr_time'))}`
  return `mean heart rate ${of('hr')}/min, ${grouped(of('beats_num'))} beats; lowest ${lowest}, highest ${highest}`
}

function numberIn (result: Result, name: string): number {
  const value = result[name]
  if (typeof value !== 'number') throw new Error(`the response has no number ${name}`)
  return value
}

function left (times: number): string {
  return times === -1 ? 'unlimited' : grouped(times)
}

function clock (seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, '0')}`
}

/** curl reads a path with `;` or `,` in it only when it is quoted, with quotes that are its own and not the shell's. */
function filePart (path: string): string {
  if (/^[\w@%+:./-]+$/.test(path)) return `ecg_file=@${path}`
  const quoted = path.replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  return `'ecg_file=@"${quoted.replaceAll("'", "'\\''")}"'`
}
