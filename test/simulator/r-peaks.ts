/**
 * Finds heart beats in an ECG, after Pan and Tompkins (1985): band-pass, derivative, square, moving window, adaptive threshold.
 *
 * Two departures keep it short. All filters are centred moving sums of whole numbers, so they have no delay to correct, and a long
 * recording can be worked off in blocks with the same result as in one piece. And as the recording is there as a whole, the threshold
 * looks at the seconds before and after a beat instead of learning from the past, so no search-back is needed.
 */
import { setImmediate } from 'node:timers/promises'

/** Samples worked off at a time: 4 min at 250 Hz, small enough to stay in the processor's cache. */
const blockSamples = 65_536
/** Blocks after which {@link findRPeaksInTurns} lets others run: about 30 ms of work. */
const blocksPerTurn = 16
/** Seconds shared with the neighbouring block: more than all filters together can see. */
const marginSeconds = 0.5
/** Length of the low-pass: the moving mean that takes off mains hum and muscle noise. */
const smoothSeconds = 0.028
/** Length of the high-pass: the moving mean that takes off T wave and wandering baseline. */
const baselineSeconds = 0.116
/** Length of the moving window: about a QRS complex. */
const windowSeconds = 0.1
/** Distance within which only the strongest candidate counts; also how far the R wave is looked for around it. */
const reachSeconds = 0.1
/** No two beats are closer than this: 250 a minute. */
const refractorySeconds = 0.24
/** Length of the stretches whose strongest candidate is noted: one beat at 30 a minute is inside. */
const stretchSeconds = 2
/** Stretches looked at on either side; their median is the strength of a usual beat. */
const stretchesAround = 4
/** Share of a usual beat's amplitude that makes a beat. */
const beatShare = 0.35
/** Share of a usual beat's amplitude that the quiet time between beats may have; above it, there is no ECG but noise. */
const quietShare = 0.2

/** What remains of a recording after the filters: places that may be beats, by rising time. */
interface Candidates {
  /** Sample index of the R wave. */
  at: number[]
  /** Amplitude of the filtered signal, in a unit of its own. */
  strength: number[]
  /** Lowest amplitude since the candidate before. */
  quiet: number[]
}

/** Returns the sample indices of all R waves, rising; none if the signal is no usable ECG. */
export function findRPeaks (samples: Int16Array, sampleRateHz: number): number[] {
  const candidates: Candidates = { at: [], strength: [], quiet: [] }
  for (let from = 0; from < samples.length; from += blockSamples) collect(candidates, samples, from, sampleRateHz)
  return chooseBeats(candidates, sampleRateHz)
}

/** Does the same as {@link findRPeaks}, but yields to the event loop, for recordings of many hours. */
export async function findRPeaksInTurns (samples: Int16Array, sampleRateHz: number): Promise<number[]> {
  const candidates: Candidates = { at: [], strength: [], quiet: [] }
  for (let from = 0; from < samples.length; from += blockSamples) {
    if (from > 0 && from / blockSamples % blocksPerTurn === 0) await setImmediate()
    collect(candidates, samples, from, sampleRateHz)
  }
  return chooseBeats(candidates, sampleRateHz)
}

/** Adds the candidates of one block. The margins take part in the filters, but their candidates belong to the neighbours. */
function collect (candidates: Candidates, samples: Int16Array, from: number, sampleRateHz: number): void {
  const margin = Math.round(marginSeconds * sampleRateHz)
  const start = Math.max(0, from - margin)
  const end = Math.min(samples.length, from + blockSamples + margin)
  const band = bandPass(samples.subarray(start, end), sampleRateHz)
  const energy = movingSum(squaredSlope(band), reach(windowSeconds, sampleRateHz))
  const around = Math.round(reachSeconds * sampleRateHz)
  const last = Math.min(end, from + blockSamples) - start
  let quiet = Infinity
  for (let i = from - start; i < last; i++) {
    const here = energy[i]!
    if (here < quiet) quiet = here
    if (here > 0 && isPeak(energy, i, around)) {
      candidates.at.push(start + strongest(band, i - around, i + around))
      candidates.strength.push(Math.sqrt(here))
      candidates.quiet.push(Math.sqrt(quiet))
      quiet = Infinity
    }
  }
}

/** Keeps the candidates that reach the adaptive threshold, the stronger of two within the refractory time. */
function chooseBeats ({ at, strength, quiet }: Candidates, sampleRateHz: number): number[] {
  const usual = usualStrength(at, strength, stretchSeconds * sampleRateHz)
  const refractory = refractorySeconds * sampleRateHz
  const beats: number[] = []
  const noise: number[] = []
  let lastStrength = 0
  for (let i = 0; i < at.length; i++) {
    const level = usual[Math.floor(at[i]! / (stretchSeconds * sampleRateHz))]!
    if (strength[i]! < beatShare * level) continue
    if (beats.length > 0 && at[i]! - beats.at(-1)! < refractory) {
      if (strength[i]! <= lastStrength) continue
      beats.pop()
      noise.pop()
    }
    beats.push(at[i]!)
    noise.push(quiet[i]! / level)
    lastStrength = strength[i]!
  }
  return beats.length > 0 && median(noise) < quietShare ? beats : []
}

/** Returns for each stretch the median of the strongest candidates of the stretches around it. */
function usualStrength (at: number[], strength: number[], stretchSamples: number): number[] {
  const highest: number[] = Array.from({ length: Math.floor((at.at(-1) ?? 0) / stretchSamples) + 1 }, () => 0)
  for (let i = 0; i < at.length; i++) {
    const stretch = Math.floor(at[i]! / stretchSamples)
    highest[stretch] = Math.max(highest[stretch]!, strength[i]!)
  }
  return highest.map((_, i) => median(highest.slice(Math.max(0, i - stretchesAround), i + stretchesAround + 1)))
}

/** Takes off what is slower or faster than a QRS complex; the result is scaled by the lengths of both means, so that it stays whole. */
function bandPass (samples: Int16Array, sampleRateHz: number): Float64Array {
  const short = reach(smoothSeconds, sampleRateHz)
  const long = reach(baselineSeconds, sampleRateHz)
  const smooth = movingSum(samples, short)
  const baseline = movingSum(samples, long)
  for (let i = 0; i < smooth.length; i++) smooth[i] = smooth[i]! * (2 * long + 1) - baseline[i]! * (2 * short + 1)
  return smooth
}

function squaredSlope (band: Float64Array): Float64Array {
  const slope = new Float64Array(band.length)
  for (let i = 1; i < band.length - 1; i++) slope[i] = (band[i + 1]! - band[i - 1]!) ** 2
  return slope
}

/** Sums the values from `half` before to `half` after each place; the ends are taken to go on as they are. */
function movingSum (values: Int16Array | Float64Array, half: number): Float64Array {
  const sums = new Float64Array(values.length)
  const last = values.length - 1
  let sum = 0
  for (let i = -half; i <= half; i++) sum += values[Math.min(Math.max(i, 0), last)]!
  for (let i = 0; i <= last; i++) {
    sums[i] = sum
    sum += values[Math.min(i + half + 1, last)]! - values[Math.max(i - half, 0)]!
  }
  return sums
}

function isPeak (energy: Float64Array, at: number, around: number): boolean {
  const here = energy[at]!
  if (energy[at - 1]! >= here || energy[at + 1]! > here) return false
  const end = Math.min(energy.length - 1, at + around)
  for (let i = Math.max(0, at - around); i <= end; i++) {
    if (energy[i]! > here || (energy[i] === here && i < at)) return false
  }
  return true
}

function strongest (band: Float64Array, from: number, to: number): number {
  let best = Math.max(0, from)
  for (let i = best; i <= to && i < band.length; i++) if (Math.abs(band[i]!) > Math.abs(band[best]!)) best = i
  return best
}

/** Converts the length of a centred window to whole samples on either side of its centre. */
function reach (seconds: number, sampleRateHz: number): number {
  return Math.max(1, Math.round((seconds * sampleRateHz - 1) / 2))
}

function median (values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
