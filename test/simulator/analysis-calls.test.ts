import { createHash } from 'node:crypto'
import { test } from 'tap'
import { call } from '../support/client.ts'
import { buyTokens, getTimes, halfAnHour, person, personRecording, sendEcg, sendJson } from './client.ts'
import { startSimulator } from './simulator.ts'
import type { SimulatorOptions } from './simulator.ts'
import { placeBeats, synthesizeEcg } from './synthetic-ecg.ts'

const base = '/amsu-analysis/v2'
const ecg = synthesizeEcg({ minutes: 5 })
const minutes = (value: number) => Array.from({ length: 10 }, () => value)
const condition = { ...personRecording, htn: 1, dm: 0, sbp: 130, symptom: [1, 4], disease: ['J45', 'R07'] }
const run = { ...person, body_fat: 15.1, hr_list: minutes(150), speed_list: minutes(10.5) }
const stride = { ...person, hr: 150, cadence: 170, waistline: 80, body_fat: 15.1 }

async function start (t: { after: (end: () => Promise<void>) => unknown }, options: Partial<SimulatorOptions> = {}) {
  const simulator = await startSimulator(options)
  t.after(() => simulator.close())
  const { access_token: token } = await buyTokens(simulator.origin)
  return { simulator, origin: simulator.origin, token }
}

await test('every analysis responds in the documented shape, and ids rise', async t => {
  const { origin, token } = await start(t)
  const ofEcg = async (path: string, fields: object = personRecording) => {
    const { status, body } = await sendEcg(origin, path, token, ecg, fields)
    t.equal(status, 200, path)
    return body
  }
  const common = await ofEcg('/arrhythmia/common/results/')
  t.equal(common['beats_num'], placeBeats({ minutes: 5 }).length)
  t.match(common, { id: Number, hr: 72, min_hr: Number, min_hr_time: Number, max_hr: Number, max_hr_time: Number, tachycardia: 0, bradycardia: 0 })
  t.match(await ofEcg('/arrhythmia/af/results/'), { id: common['id'] as number + 1, af: 0, af_interval_list: [] })
  t.match(await ofEcg('/hrv/common/results/'), { hr: 72, max_hr: Number, min_hr: Number, sdnn: Number, rmssd: Number, sdsd: Number, pnn50: Number, tp: Number })
  const list = await ofEcg('/hrv/rr-list/', { model: 'offline', device: 'S1' })
  t.same(Object.keys(list), ['rr_list'])
  t.equal((list['rr_list'] as number[]).length, common['beats_num'] as number - 1)
  t.match(await ofEcg('/hrv/state/results/'), { id: Number, reliability: 1, stress: Number, stress_index: Number })
  t.match(await ofEcg('/health/cvdr/results/', condition), { id: Number, risk: Number })
  t.match(await sendJson(origin, '/health/cpf/results/', token, run), { status: 200, body: { id: Number, level: 4, vo2max: Number } })
  const burning = await sendJson(origin, '/calorie/running/results/', token, stride)
  t.equal(burning.status, 200)
  t.same(Object.keys(burning.body), ['burning_rate'])
})

await test('a recording of half an hour gets its own rate and beats', async t => {
  const recording = halfAnHour()
  const { simulator, origin, token } = await start(t)
  const { body } = await sendEcg(origin, '/arrhythmia/common/results/', token, recording.ecg)
  t.ok(Math.abs(body['hr'] as number - recording.heartRate) <= 2, `${body['hr']} a minute`)
  t.ok(Math.abs(body['beats_num'] as number - recording.beats) <= 0.02 * recording.beats, `${body['beats_num']} beats`)
  t.match(simulator.record.uploads, { count: 1, bytes: recording.ecg.length, lastBytes: recording.ecg.length, lastSha256: createHash('sha256').update(recording.ecg).digest('hex') })
})

await test('the 256 bytes before an online recording are no signal', async t => {
  const { origin, token } = await start(t)
  const fields = { model: 'online', device: 'V6' }
  const offline = await sendEcg(origin, '/hrv/rr-list/', token, ecg, { ...fields, model: 'offline' })
  const online = await sendEcg(origin, '/hrv/rr-list/', token, Buffer.concat([Buffer.alloc(256, 0x5a), ecg]), fields)
  t.same(online.body, offline.body)
})

await test('cvdr takes lists as repeated parts, as JSON text, and empty', async t => {
  const { origin, token } = await start(t)
  for (const symptom of [[1, 4], 3, '[1, 4]', '[]', '']) {
    t.equal((await sendEcg(origin, '/health/cvdr/results/', token, ecg, { ...condition, symptom })).status, 200, JSON.stringify(symptom))
  }
})

await test('fields that are missing or out of range are rejected with INVALID_PARAMETER', async t => {
  const { simulator, origin, token } = await start(t)
  const short = ecg.subarray(0, 40_000)
  const wrong = { height: [89, 241, 170.5, 'tall'], weight: [29.9, 201], age: [17, 121], gender: [2, -1], model: ['live'], device: ['V7'] }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of [undefined, ...values]) {
      const { [name]: _, ...others } = personRecording as Record<string, unknown>
      const response = await sendEcg(origin, '/hrv/common/results/', token, short, value === undefined ? others : { ...others, [name]: value })
      t.match(response, { status: 422, body: { error: { code: 'COMMON.INVALID_PARAMETER' } } }, `${name} ${value}`)
    }
  }
  for (const change of [{ age: 19 }, { age: 91 }, { htn: 2 }, { sbp: 74 }, { symptom: [1, 8] }, { disease: ['Z99'] }]) {
    t.equal((await sendEcg(origin, '/health/cvdr/results/', token, short, { ...condition, ...change })).status, 422, JSON.stringify(change))
  }
  for (const change of [{ body_fat: 2 }, { hr_list: minutes(39) }, { speed_list: minutes(46) }, { speed_list: undefined }, { cadence_list: minutes(231) }]) {
    t.match(await sendJson(origin, '/health/cpf/results/', token, { ...run, ...change }), { status: 422, body: { error: { code: 'COMMON.INVALID_PARAMETER' } } }, JSON.stringify(change))
  }
  for (const change of [{ hr: 221 }, { cadence: -1 }, { waistline: 44 }, { body_fat: 51 }, { waistline: undefined }]) {
    t.equal((await sendJson(origin, '/calorie/running/results/', token, { ...stride, ...change })).status, 422, JSON.stringify(change))
  }
  t.match((await getTimes(simulator.origin, token)).body, { arrhythmia_analysis: 1000, health_analysis: 100, calorie_analysis: 1000 }, 'and are not charged')
})

await test('a recording that cannot be analysed says why', async t => {
  const { origin, token } = await start(t)
  t.match(await sendEcg(origin, '/hrv/common/results/', token, ecg, personRecording, 'a.txt'), { status: 400, body: { error: { code: 'COMMON.INVALID_FILE_TYPE' } } })
  t.match(await sendEcg(origin, '/hrv/common/results/', token, Buffer.alloc(100_000)), { status: 422, body: { error: { code: 'ECG.INVALID_DATA' } } })
  t.match(await sendEcg(origin, '/hrv/common/results/', token, Buffer.alloc(0)), { status: 422, body: { error: { code: 'ECG.INVALID_DATA' } } })
  t.match(await sendEcg(origin, '/arrhythmia/af/results/', token, ecg.subarray(0, 10_000)), { status: 422, body: { error: { code: 'COMMON.NOT_ENOUGH_DATA' } } })
  t.match(await sendJson(origin, '/health/cpf/results/', token, { ...run, hr_list: [150] }), { status: 422, body: { error: { code: 'COMMON.NOT_ENOUGH_DATA' } } })
  t.match(await sendJson(origin, '/hrv/rr-list/', token, {}), { status: 422, body: { error: { code: 'COMMON.INVALID_PARAMETER' } } }, 'JSON is no form')
  const empty = await call(origin, `${base}/hrv/rr-list/`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  t.equal(empty.status, 422)
})

await test('quotas count successes down to 0 and end there; -1 is without end', async t => {
  const { origin, token } = await start(t, { quotas: { calorie_analysis: 1 } })
  t.equal((await sendJson(origin, '/calorie/running/results/', token, stride)).status, 200)
  t.match(await sendJson(origin, '/calorie/running/results/', token, stride), { status: 403, body: { error: { code: 'COMMON.OUT_OF_TIMES' } } })
  t.equal((await sendEcg(origin, '/hrv/rr-list/', token, ecg)).status, 200)
  t.same((await getTimes(origin, token)).body, { arrhythmia_analysis: 1000, hrv_analysis: -1, health_analysis: 100, calorie_analysis: 0 })
})

await test('only "Bearer", one space and a good token are let in, before the body is read', async t => {
  const { simulator, origin, token } = await start(t)
  for (const header of [undefined, token, `bearer ${token}`, `Bearer  ${token}`, `Bearer ${token}x`]) {
    const response = await call(origin, `${base}/hrv/rr-list/`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x', ...header === undefined ? {} : { authorization: header } },
      body: 'no multipart at all',
    })
    t.equal(response.status, 401, String(header?.replace(token, '…')))
    t.match(JSON.parse(response.text), { error: { code: 'COMMON.INVALID_CREDENTIALS' } })
  }
  t.match(simulator.record, { badBearers: 5, expiredBearers: 0, uploads: { bytes: 0 } })
})

await test('paths are exact: a wrong slash is 404, a wrong method 405, whatever is sent along', async t => {
  const { origin } = await start(t)
  for (const [method, path, status] of [
    ['POST', '/hrv/rr-list', 404], ['POST', '/token/', 404], ['GET', '/available-times/', 404], ['POST', '/hrv/rr-list/results/', 404],
    ['GET', '/token', 405], ['POST', '/available-times', 405], ['HEAD', '/available-times', 405], ['GET', '/hrv/rr-list/', 405],
  ] as const) {
    const response = await call(origin, base + path, { method, headers: { 'content-type': 'multipart/form-data; boundary=x' }, ...method === 'POST' ? { body: 'x' } : {} })
    t.equal(response.status, status, `${method} ${path}`)
  }
})

await test('a wrong slash can be redirected as Starlette does, to an absolute address', async t => {
  const { origin } = await start(t, { redirectSlashes: true })
  const response = await call(origin, `${base}/hrv/rr-list?a=b`, { method: 'POST', body: 'x' })
  t.equal(response.status, 307)
  t.equal(response.headers.location, `${origin}${base}/hrv/rr-list/?a=b`)
})
