/**
 * Draws an ECG of any length, the same for the same seed, so that tests need no recording: each beat is five Gaussian bumps (P, Q, R, S, T),
 * the rate breathes, and the baseline wanders under a little noise.
 */
import { createNumbers } from './random.ts'

/** The bumps of one beat: place relative to the R wave in seconds, height in millivolts, width (standard deviation) in seconds. */
const bumps = [
  { atSeconds: -0.18, millivolts: 0.12, widthSeconds: 0.025 },
  { atSeconds: -0.03, millivolts: -0.12, widthSeconds: 0.01 },
  { atSeconds: 0, millivolts: 1.1, widthSeconds: 0.011 },
  { atSeconds: 0.03, millivolts: -0.25, widthSeconds: 0.01 },
  { atSeconds: 0.26, millivolts: 0.3, widthSeconds: 0.05 },
]
/** Units to the millivolt, as in the MIT-BIH recordings. */
const unitsPerMillivolt = 200
/** Breaths a second; each makes the heart a little faster and slower. */
const breathHz = 0.25
/** Share of the RR interval that a breath adds and takes. */
const breathShare = 0.04
/** Share of the RR interval that is chance (standard deviation). */
const chanceShare = 0.015
/** How often a second the baseline wanders up and down. */
const wanderHz = 0.15
/** Height of the baseline's wandering. */
const wanderMillivolts = 0.15
/** Standard deviation of the noise. */
const noiseMillivolts = 0.015

/** What to draw. */
export interface SyntheticEcgOptions {
  /** @default 30 */
  minutes?: number
  /** @default 250 */
  sampleRateHz?: number
  /** Beats a minute. @default 72 */
  meanHeartRate?: number
  /** Start of the random numbers; the same seed draws the same ECG. @default 1 */
  seed?: number
}

/** Returns signed 16-bit little-endian samples, as AMSU takes them with `model=offline`. */
export function synthesizeEcg (options: SyntheticEcgOptions = {}): Buffer {
  const { minutes = 30, sampleRateHz = 250, seed = 1 } = options
  const random = createNumbers(seed + 1)
  const signal = new Float64Array(Math.round(minutes * 60 * sampleRateHz))
  for (const beat of placeBeats(options)) drawBeat(signal, beat, sampleRateHz)
  const samples = Buffer.alloc(signal.length * 2)
  for (let i = 0; i < signal.length; i++) {
    const wander = wanderMillivolts * Math.sin(2 * Math.PI * wanderHz * i / sampleRateHz)
    samples.writeInt16LE(Math.round(unitsPerMillivolt * (signal[i]! + wander + noiseMillivolts * gaussian(random))), i * 2)
  }
  return samples
}

/** Returns where {@link synthesizeEcg} puts the R waves for the same options, in (broken) samples from the start. */
export function placeBeats ({ minutes = 30, sampleRateHz = 250, meanHeartRate = 72, seed = 1 }: SyntheticEcgOptions = {}): number[] {
  const random = createNumbers(seed)
  const beats: number[] = []
  // The first and last beat are drawn completely, so that it is clear whether they count.
  for (let seconds = 0.5; seconds < minutes * 60 - 0.5;) {
    beats.push(seconds * sampleRateHz)
    const breath = breathShare * Math.sin(2 * Math.PI * breathHz * seconds)
    seconds += 60 / meanHeartRate * (1 + breath + chanceShare * gaussian(random))
  }
  return beats
}

function drawBeat (signal: Float64Array, beat: number, sampleRateHz: number): void {
  for (const { atSeconds, millivolts, widthSeconds } of bumps) {
    const centre = beat + atSeconds * sampleRateHz
    const width = widthSeconds * sampleRateHz
    const end = Math.min(signal.length - 1, Math.ceil(centre + 4 * width))
    for (let i = Math.max(0, Math.floor(centre - 4 * width)); i <= end; i++) {
      signal[i] = signal[i]! + millivolts * Math.exp(-((i - centre) ** 2) / (2 * width ** 2))
    }
  }
}

/** Returns a normally distributed number of mean 0 and deviation 1 (Box and Muller). */
function gaussian (random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
