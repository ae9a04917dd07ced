/** What the soak asks for, and the right response to each: so that a response that belongs to another request is noticed. */
import { ecgAnalyses, numberAnalyses, unnumberedCalls } from '../simulator/analyses.ts'
import { methodAndPath, quotaCall } from '../simulator/calls.ts'
import type { AnalysisCall, CallName } from '../simulator/calls.ts'
import { person, personRecording } from '../simulator/client.ts'
import { rrIntervalsMs } from '../simulator/heart-rate.ts'
import { findRPeaks } from '../simulator/r-peaks.ts'
import { synthesizeEcg } from '../simulator/synthetic-ecg.ts'
import type { Random } from './random.ts'

const sampleRateHz = 250
/** Sizes of the usual ECGs: below, around and above what the proxy keeps for a second attempt. */
const ecgBytes = [300_000, 600_000, 900_000, 1_300_000, 2_000_000]
/** The rare large one is the largest usual one so many times over. */
const largeCopies = 10
/** Share of the calls that carry an ECG, and that are small posts; the rest asks for the quotas. */
const ecgShare = 0.45
const numberShare = 0.3
/** Parts the fields from the file; no ECG holds it. */
const boundary = '----amsu-proxy-soak-boundary'

/** One thing to ask for. */
export interface Load {
  readonly call: CallName
  readonly method: string
  readonly path: string
  readonly contentType: string | undefined
  /** The body. */
  readonly pieces: readonly Buffer[]
  readonly bodyBytes: number
  /** Whether these bytes are the right response. */
  readonly isRight: (response: Buffer) => boolean
}

/** All there is to ask for. */
export interface Loads {
  /** Any of the usual loads. */
  usual: (random: Random) => Load
  /** One of 20 MB. */
  large: (random: Random) => Load
}

/** Draws the ECGs and computes the right responses. */
export function createLoads (): Loads {
  const longest = synthesizeEcg({ minutes: Math.ceil(ecgBytes.at(-1)! / 2 / sampleRateHz / 60), sampleRateHz })
  const files = ecgBytes.map(bytes => readEcg(longest.subarray(0, bytes)))
  const largeFile = readEcg(Buffer.concat(Array.from({ length: largeCopies }, () => longest.subarray(0, ecgBytes.at(-1)))))
  const ecgs = files.flatMap(file => ecgLoads(file))
  const larges = ecgLoads(largeFile)
  const numbers = [...strideLoads(), runLoad()]
  const times = timesLoad()
  return {
    usual (random) {
      const place = random.next()
      if (place < ecgShare) return random.pick(ecgs)
      return place < ecgShare + numberShare ? random.pick(numbers) : times
    },
    large: random => random.pick(larges),
  }
}

interface EcgFile { readonly bytes: Buffer, readonly rrMs: number[] }

function readEcg (bytes: Buffer): EcgFile {
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1)
  return { bytes, rrMs: rrIntervalsMs(findRPeaks(samples, sampleRateHz), sampleRateHz) }
}

function ecgLoads ({ bytes, rrMs }: EcgFile): Load[] {
  const fields = { ...personRecording, gender: 0 as const, htn: 1 as const, dm: 0 as const, sbp: 130, symptom: [1, 3], disease: ['J45'] }
  return Object.entries(ecgAnalyses).map(([call, analysis]) => {
    const pieces = encodeForm(fields, bytes)
    return load(call as AnalysisCall, `multipart/form-data; boundary=${boundary}`, pieces, analysis.respond(rrMs, fields))
  })
}

/** Many that differ by one number, so that no two of their responses can be confused. */
function strideLoads (): Load[] {
  return Array.from({ length: 100 }, (_, i) => jsonLoad('POST /calorie/running/results/', { ...person, hr: 90 + i, cadence: 170, waistline: 80, body_fat: 15 }))
}

function runLoad (): Load {
  const list = (value: number): number[] => Array.from({ length: 12 }, (_, i) => value + i % 3)
  return jsonLoad('POST /health/cpf/results/', { ...person, body_fat: 15, hr_list: list(150), speed_list: list(10) })
}

function timesLoad (): Load {
  return { ...load(quotaCall, undefined, [], {}), isRight: response => Object.values(parse(response)).filter(left => typeof left === 'number').length === 4 }
}

function jsonLoad (call: AnalysisCall, body: object): Load {
  const response = numberAnalyses[call]!.respond(body as Parameters<NonNullable<typeof numberAnalyses[AnalysisCall]>['respond']>[0])
  return load(call, 'application/json', [Buffer.from(JSON.stringify(body))], response)
}

function load (call: CallName, contentType: string | undefined, pieces: readonly Buffer[], response: object): Load {
  const { method, url } = methodAndPath(call)
  const right = JSON.stringify(response)
  const isNumbered = !unnumberedCalls.some(unnumbered => unnumbered === call)
  return {
    call,
    method,
    path: url,
    contentType,
    pieces,
    bodyBytes: pieces.reduce((sum, piece) => sum + piece.length, 0),
    isRight (got) {
      const { id, ...rest } = parse(got)
      return JSON.stringify(rest) === right && (typeof id === 'number') === isNumbered
    },
  }
}

/** A response as an object; an empty object if the response is not one. */
function parse (bytes: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(bytes.toString()) as Record<string, unknown>
  } catch {
    return {}
  }
}

function encodeForm (fields: object, file: Buffer): Buffer[] {
  const parts = Object.entries(fields).map(([name, value]) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${typeof value === 'object' ? JSON.stringify(value) : String(value)}\r\n`)
  const head = `${parts.join('')}--${boundary}\r\nContent-Disposition: form-data; name="ecg_file"; filename="soak.ecg"\r\nContent-Type: application/octet-stream\r\n\r\n`
  return [Buffer.from(head), file, Buffer.from(`\r\n--${boundary}--\r\n`)]
}
