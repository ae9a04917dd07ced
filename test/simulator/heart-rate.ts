/**
 * Figures from a list of beats: its rate, its variability, and stretches where the rhythm is fast, slow or irregular.
 * The definitions of variability are those of the Task Force of ESC and NASPE (1996). None of it is for diagnosis.
 */

/** Beats over which a rate is averaged before it may count as the lowest or highest: a single early beat is no heart rate. */
const rateBeats = 8
/** Beats a minute above which the heart is called fast. */
const fastHeartRate = 100
/** Beats a minute below which the heart is called slow. */
const slowHeartRate = 60
/** An RR interval outside of this is a gap in the recording or an artefact, and says nothing about variability. */
const soundRrMs = { least: 250, most: 2000 }
/** Length of the stretches that are regular or irregular as a whole. */
const rhythmStretchMs = 30_000
/** Usual (median) change from one RR interval to the next, as a share of the interval, above which a stretch is irregular. */
const irregularShare = 0.1
/** Width of the histogram's columns in Baevsky's stress index. */
const stressColumnMs = 50

/** Rates in beats a minute, times in seconds from the first beat. */
export interface HeartRates {
  mean: number
  lowest: number
  lowestAtSeconds: number
  highest: number
  highestAtSeconds: number
  /** How often the heart became fast. */
  fastEpisodes: number
  /** How often the heart became slow. */
  slowEpisodes: number
}

/** The usual measures of variability in the time domain. */
export interface Variability {
  sdnnMs: number
  rmssdMs: number
  sdsdMs: number
  /** Share of intervals that differ from the one before by more than 50 ms, from 0 to 100. */
  pnn50Percent: number
  /** Total power, which by Parseval's theorem is the variance of the intervals. */
  totalPowerMs2: number
}

/** Returns the times between beats in whole milliseconds. */
export function rrIntervalsMs (peaks: number[], sampleRateHz: number): number[] {
  return peaks.slice(1).map((peak, i) => Math.round((peak - peaks[i]!) * 1000 / sampleRateHz))
}

/** Returns the rates over a recording; there must be at least one interval. */
export function measureRates (rrMs: number[]): HeartRates {
  const rates: HeartRates = { mean: 60_000 / mean(rrMs), lowest: Infinity, lowestAtSeconds: 0, highest: 0, highestAtSeconds: 0, fastEpisodes: 0, slowEpisodes: 0 }
  const span = Math.min(rateBeats, rrMs.length)
  let spanMs = sum(rrMs.slice(0, span))
  let startMs = 0
  let pace = ''
  for (let i = 0; i + span <= rrMs.length; i++) {
    const rate = 60_000 * span / spanMs
    const atSeconds = Math.floor((startMs + spanMs / 2) / 1000)
    if (rate < rates.lowest) Object.assign(rates, { lowest: rate, lowestAtSeconds: atSeconds })
    if (rate > rates.highest) Object.assign(rates, { highest: rate, highestAtSeconds: atSeconds })
    const paceBefore = pace
    pace = rate > fastHeartRate ? 'fast' : rate < slowHeartRate ? 'slow' : ''
    if (pace === 'fast' && paceBefore !== 'fast') rates.fastEpisodes++
    if (pace === 'slow' && paceBefore !== 'slow') rates.slowEpisodes++
    startMs += rrMs[i]!
    spanMs += (rrMs[i + span] ?? 0) - rrMs[i]!
  }
  return rates
}

/** Returns the variability of a recording; all 0 where there are too few valid intervals. */
export function measureVariability (rrMs: number[]): Variability {
  const nn = rrMs.filter(rr => rr >= soundRrMs.least && rr <= soundRrMs.most)
  const steps = nn.slice(1).map((rr, i) => rr - nn[i]!)
  const power = variance(nn)
  return {
    sdnnMs: Math.sqrt(power),
    rmssdMs: Math.sqrt(mean(steps.map(step => step ** 2))),
    sdsdMs: Math.sqrt(variance(steps)),
    pnn50Percent: 100 * mean(steps.map(step => Number(Math.abs(step) > 50))),
    totalPowerMs2: power,
  }
}

/** Returns the stretches whose rhythm is irregular throughout, as atrial fibrillation is, as pairs of whole seconds from the first beat. */
export function findIrregularStretches (rrMs: number[]): Array<[startSeconds: number, endSeconds: number]> {
  const found: Array<[number, number]> = []
  for (const { startMs, endMs, rr } of stretches(rrMs)) {
    const changes = rr.slice(1).map((value, i) => Math.abs(value - rr[i]!) / rr[i]!).sort((a, b) => a - b)
    if ((changes[changes.length >> 1] ?? 0) < irregularShare) continue
    const [start, end] = [Math.floor(startMs / 1000), Math.ceil(endMs / 1000)]
    const before = found.at(-1)
    if (before && before[1] >= start) before[1] = end
    else found.push([start, end])
  }
  return found
}

/** Returns the intervals of the stretches whose mean rate is at most `heartRate`: the others are exercise, not rest. */
export function restingIntervalsMs (rrMs: number[], heartRate: number): number[] {
  return stretches(rrMs).filter(({ rr }) => 60_000 / mean(rr) <= heartRate).flatMap(({ rr }) => rr)
}

/** Returns Baevsky's stress index: how narrow and how early the histogram of the intervals peaks. About 50 to 150 at rest. */
export function stressIndex (rrMs: number[]): number {
  const columns = new Map<number, number>()
  let [least, most] = [Infinity, 0]
  for (const rr of rrMs) {
    const column = Math.floor(rr / stressColumnMs)
    columns.set(column, (columns.get(column) ?? 0) + 1)
    least = Math.min(least, rr)
    most = Math.max(most, rr)
  }
  const [modeColumn, modeCount] = [...columns].reduce((a, b) => b[1] > a[1] ? b : a, [0, 0])
  const modeSeconds = (modeColumn + 0.5) * stressColumnMs / 1000
  const rangeSeconds = Math.max(most - least, stressColumnMs) / 1000
  return rrMs.length === 0 ? 0 : 100 * modeCount / rrMs.length / (2 * modeSeconds * rangeSeconds)
}

/** Returns the mean; 0 for no values. */
export function mean (values: number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length
}

/** Returns the sum, without spreading: a day has 100,000 beats, more than a call may have arguments. */
export function sum (values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function variance (values: number[]): number {
  const centre = mean(values)
  return mean(values.map(value => (value - centre) ** 2))
}

/** Cuts the intervals into stretches of the same duration; a rest of less than half of one goes with the last. */
function stretches (rrMs: number[]): Array<{ startMs: number, endMs: number, rr: number[] }> {
  const cut: Array<{ startMs: number, endMs: number, rr: number[] }> = []
  let leftMs = sum(rrMs)
  let endMs = 0
  for (const rr of rrMs) {
    const last = cut.at(-1)
    if (last === undefined || (last.endMs - last.startMs >= rhythmStretchMs && leftMs >= rhythmStretchMs / 2)) {
      cut.push({ startMs: endMs, endMs: endMs + rr, rr: [rr] })
    } else {
      last.endMs += rr
      last.rr.push(rr)
    }
    endMs += rr
    leftMs -= rr
  }
  return cut
}
