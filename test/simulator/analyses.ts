/**
 * The responses of the analysis calls, computed from what was sent: plausible and repeatable, but not medically valid. Names and types
 * are the documented ones; where the vendor's tables are cut off, the response ends where the documentation does. Only `risk`,
 * `tachycardia` and `bradycardia` are guessed, so that these responses say something.
 */
import type { AnalysisCall } from './calls.ts'
import { conditionSchema, personRecordingSchema, recordingSchema, runSchema, strideSchema } from './fields.ts'
import type { BodySchema, Condition, Person, Run, Stride } from './fields.ts'
import { findIrregularStretches, mean, measureRates, measureVariability, restingIntervalsMs, stressIndex, sum } from './heart-rate.ts'
import { refusals } from './refusal.ts'

/** The signal without which atrial fibrillation cannot be detected. */
const leastAfSeconds = 30
/** Beats a minute above which a stretch is not rest, so that hrv/state skips it. */
const mostRestingHeartRate = 110
/** Rest below which hrv/state is unreliable. */
const reliableMinutes = 3
/** Minutes that a run must have. */
const leastRunMinutes = 10
/** Share of runners' oxygen uptake (mL/(kg·min)) that parts the levels 1 to 5. */
const levelBounds = [30, 38, 46, 54]
/** Baevsky's bounds between relaxed, normal and stressed. */
const stressBounds = { normal: 50, stressed: 150 }
/** Metres that a runner covers with each step; only used when no speed is sent. */
const stepMetres = 1

/** An analysis of an ECG: what goes along with it, and the response to the times between its beats. */
export interface EcgAnalysis {
  schema: BodySchema
  respond: (rrMs: number[], fields: Person & Condition) => object
}

/** An analysis of numbers. */
export interface NumberAnalysis {
  schema: BodySchema
  respond: (body: Person & Run & Stride) => object
}

/** Calls that take multipart/form-data with an ECG. */
export const ecgAnalyses: Partial<Record<AnalysisCall, EcgAnalysis>> = {
  'POST /arrhythmia/common/results/': { schema: personRecordingSchema, respond: describeRhythm },
  'POST /arrhythmia/af/results/': { schema: personRecordingSchema, respond: describeFibrillation },
  'POST /hrv/common/results/': { schema: personRecordingSchema, respond: describeVariability },
  'POST /hrv/rr-list/': { schema: recordingSchema, respond: rrMs => ({ rr_list: rrMs }) },
  'POST /hrv/state/results/': { schema: personRecordingSchema, respond: describeState },
  'POST /health/cvdr/results/': { schema: conditionSchema, respond: describeRisk },
}

/** Calls that take JSON. */
export const numberAnalyses: Partial<Record<AnalysisCall, NumberAnalysis>> = {
  'POST /health/cpf/results/': { schema: runSchema, respond: describeFitness },
  'POST /calorie/running/results/': { schema: strideSchema, respond: describeBurning },
}

/** Calls whose response has no `id`. */
export const unnumberedCalls: readonly AnalysisCall[] = ['POST /hrv/rr-list/', 'POST /calorie/running/results/']

function describeRhythm (rrMs: number[]) {
  const rates = measureRates(rrMs)
  return {
    hr: Math.round(rates.mean),
    beats_num: rrMs.length + 1,
    min_hr: Math.round(rates.lowest),
    min_hr_time: rates.lowestAtSeconds,
    max_hr: Math.round(rates.highest),
    max_hr_time: rates.highestAtSeconds,
    tachycardia: rates.fastEpisodes,
    bradycardia: rates.slowEpisodes,
  }
}

function describeFibrillation (rrMs: number[]) {
  if (sum(rrMs) < leastAfSeconds * 1000) throw refusals.notEnoughData(`at least ${leastAfSeconds} s of signal are needed`)
  const stretches = findIrregularStretches(rrMs)
  return { af: stretches.length, af_interval_list: stretches }
}

function describeVariability (rrMs: number[]) {
  const rates = measureRates(rrMs)
  const variability = measureVariability(rrMs)
  return {
    hr: Math.round(rates.mean),
    max_hr: Math.round(rates.highest),
    min_hr: Math.round(rates.lowest),
    sdnn: Math.round(variability.sdnnMs),
    rmssd: Math.round(variability.rmssdMs),
    sdsd: Math.round(variability.sdsdMs),
    pnn50: round(variability.pnn50Percent, 1),
    tp: Math.round(variability.totalPowerMs2),
  }
}

function describeState (rrMs: number[]) {
  const resting = restingIntervalsMs(rrMs, mostRestingHeartRate)
  const index = Math.round(stressIndex(resting))
  return {
    reliability: Number(sum(resting) >= reliableMinutes * 60_000),
    stress: index > stressBounds.stressed ? 1 : index < stressBounds.normal ? -1 : 0,
    stress_index: index,
  }
}

/** Adds points up to a percentage: no score of any textbook. */
function describeRisk (rrMs: number[], { age, gender, htn, dm, sbp, symptom, disease }: Person & Condition) {
  const points = (age - 20) / 4 + 2 * gender + 6 * htn + 6 * dm + Math.max(0, sbp - 120) / 6 + symptom.length + disease.length
  return { risk: Math.min(100, Math.round(points + (measureVariability(rrMs).sdnnMs < 50 ? 5 : 0))) }
}

/** Takes the oxygen uptake of level running (ACSM) and scales it from the mean to the highest heart rate (Tanaka: 208 − 0.7 × age). */
function describeFitness ({ age, hr_list: heartRates, speed_list: speeds, cadence_list: cadences }: Person & Run) {
  for (const list of [heartRates, speeds, cadences]) {
    if (list !== undefined && list.length < leastRunMinutes) throw refusals.notEnoughData(`each list needs at least ${leastRunMinutes} items`)
  }
  const metresPerMinute = speeds === undefined ? mean(cadences ?? []) * stepMetres : mean(speeds) * 1000 / 60
  const vo2max = (3.5 + 0.2 * metresPerMinute) * (208 - 0.7 * age) / mean(heartRates)
  return { level: 1 + levelBounds.filter(bound => vo2max >= bound).length, vo2max: round(vo2max, 1) }
}

/** Follows Keytel and others (2005): energy from heart rate, weight, age and sex, in kJ/min before the division. */
function describeBurning ({ hr, weight, age, gender }: Person & Stride) {
  const kilojoules = gender === 1
    ? -55.0969 + 0.6309 * hr + 0.1988 * weight + 0.2017 * age
    : -20.4022 + 0.4472 * hr - 0.1263 * weight + 0.074 * age
  return { burning_rate: round(Math.max(0, kilojoules / 4.184), 2) }
}

function round (value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
