/** A client of the AMSU API as an app would have one, for the simulator's own tests. */
import { existsSync, readFileSync } from 'node:fs'
import { call } from '../support/client.ts'
import { basePath } from './calls.ts'
import { simulatorDefaults } from './simulator.ts'
import { placeBeats, synthesizeEcg } from './synthetic-ecg.ts'
import type { TokenResponse } from './tokens.ts'

/** The recording of the MIT-BIH database that lies beside the project; not part of it. */
const recordingPath = new URL('../../../shared/data/mitdb-100.ecg', import.meta.url)

/** A person in the middle of all ranges. */
export const person = { height: 170, weight: 65.5, age: 40, gender: 0 }
/** A person and how an ECG was taken. */
export const personRecording = { ...person, model: 'offline', device: 'V6' }

/** A response of the API. */
export interface ReceivedResponse {
  status: number
  headers: Record<string, string | string[] | undefined>
  /** Error or result. */
  body: Record<string, unknown> & { error?: { code: string, msg: string } }
}

/** Half an hour of ECG, and its known properties. */
export interface HalfAnHour {
  readonly ecg: Buffer
  /** Mean beats a minute. */
  readonly heartRate: number
  readonly beats: number
}

/** Returns the real recording where it lies beside the project, and a drawn one elsewhere. */
export function halfAnHour (): HalfAnHour {
  if (existsSync(recordingPath)) return { ecg: readFileSync(recordingPath), heartRate: 75.5, beats: 2273 }
  const options = { minutes: 30, meanHeartRate: 75.5 }
  return { ecg: synthesizeEcg(options), heartRate: options.meanHeartRate, beats: placeBeats(options).length }
}

/** Sends a form to a token call. */
export async function sendForm (origin: string, method: 'POST' | 'PUT', path: string, fields: Record<string, string>): Promise<ReceivedResponse> {
  return read(await call(origin, basePath + path, {
    method,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  }))
}

/** Buys a pair of tokens. */
export async function buyTokens (origin: string): Promise<TokenResponse> {
  const { clientId, clientSecret } = simulatorDefaults
  const { body } = await sendForm(origin, 'POST', '/token', { client_id: clientId, client_secret: clientSecret })
  return body as unknown as TokenResponse
}

/** Reads the remaining quotas. */
export async function getTimes (origin: string, token?: string): Promise<ReceivedResponse> {
  return read(await call(origin, `${basePath}/available-times`, { headers: authorization(token) }))
}

/** Sends JSON. */
export async function sendJson (origin: string, path: string, token: string, body: unknown): Promise<ReceivedResponse> {
  return read(await call(origin, basePath + path, {
    method: 'POST',
    headers: { ...authorization(token), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }))
}

/** Sends an ECG; a field whose value is a list is sent as a repeated part. */
export async function sendEcg (origin: string, path: string, token: string, ecg: Buffer, fields: object = personRecording, name = 'a.ecg'): Promise<ReceivedResponse> {
  const form = new FormData()
  for (const [key, values] of Object.entries(fields)) for (const value of [values].flat()) form.append(key, String(value))
  form.append('ecg_file', new Blob([Uint8Array.from(ecg)]), name)
  const encoded = new Response(form)
  const headers = { ...authorization(token), 'content-type': encoded.headers.get('content-type') ?? '' }
  return read(await call(origin, basePath + path, { method: 'POST', headers, body: Buffer.from(await encoded.arrayBuffer()) }))
}

function authorization (token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

function read ({ status, headers, text }: Awaited<ReturnType<typeof call>>): ReceivedResponse {
  return { status, headers, body: JSON.parse(text) as ReceivedResponse['body'] }
}
