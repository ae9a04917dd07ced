import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import { test } from 'tap'
import { call } from '../support/client.ts'
import { buyTokens, getTimes, person, sendEcg, sendForm, sendJson } from './client.ts'
import { simulatorDefaults, startSimulator } from './simulator.ts'
import { synthesizeEcg } from './synthetic-ecg.ts'

const credentials = { client_id: simulatorDefaults.clientId, client_secret: simulatorDefaults.clientSecret }
const tokenUrl = '/amsu-analysis/v2/token'
const stride = { ...person, hr: 150, cadence: 170, waistline: 80, body_fat: 15.1 }

async function start (t: { after: (end: () => Promise<void>) => unknown }) {
  const simulator = await startSimulator()
  t.after(() => simulator.close())
  return simulator
}

await test('token calls can be spoiled in every way an issuer fails', async t => {
  const { origin, faults } = await start(t)
  const { refresh_token: refresh } = await buyTokens(origin)

  faults.tokenLifeSeconds = 5
  t.equal((await buyTokens(origin)).expires_in, 5)
  delete faults.tokenLifeSeconds

  faults.rejectCredentials = true
  t.match(await sendForm(origin, 'POST', '/token', credentials), { status: 401, body: { error: { code: 'COMMON.AUTHENTICATION_FAILED' } } })
  t.equal((await sendForm(origin, 'PUT', '/token', { refresh_token: refresh })).status, 200, 'a refresh needs no credentials')
  delete faults.rejectCredentials

  faults.rejectPut = true
  t.equal((await sendForm(origin, 'PUT', '/token', { refresh_token: refresh })).status, 405)
  t.equal((await sendForm(origin, 'POST', '/token/refreshment', { refresh_token: refresh })).status, 200)
  delete faults.rejectPut

  Object.assign(faults, { tokenStatus: 429, tokenRetryAfterSeconds: 7 })
  t.match(await sendForm(origin, 'POST', '/token', credentials), { status: 429, headers: { 'retry-after': '7' }, body: { error: { code: String } } })
  delete faults.tokenStatus

  Object.assign(faults, { tokenBody: Buffer.from('<html>'), tokenBodyType: 'text/html' })
  const page = await call(origin, tokenUrl, { method: 'POST' })
  t.match([page.status, page.headers['content-type'], page.text], [200, 'text/html', '<html>'])
  delete faults.tokenBody

  faults.tokenDown = true
  await t.rejects(sendForm(origin, 'POST', '/token', credentials), { code: 'ECONNRESET' })
  delete faults.tokenDown
  t.equal((await sendForm(origin, 'POST', '/token', credentials)).status, 200)
})

await test('a token call that hangs is seen, and closing ends it at once', async t => {
  const simulator = await startSimulator()
  simulator.faults.tokenHang = true
  const hanging = t.rejects(buyTokens(simulator.origin))
  await simulator.seen('POST /token')
  await simulator.close()
  await hanging
})

await test('an analysis that hangs has been charged, and closing ends it at once', async t => {
  const simulator = await startSimulator()
  const { access_token: token } = await buyTokens(simulator.origin)
  simulator.faults.hang = true
  const hanging = t.rejects(sendJson(simulator.origin, '/calorie/running/results/', token, stride))
  await simulator.seen('POST /calorie/running/results/')
  // Faults count as they are when a request arrives, so that this one hangs on.
  delete simulator.faults.hang
  let left: unknown
  do left = (await getTimes(simulator.origin, token)).body['calorie_analysis']; while (left === 1000)
  t.equal(left, 999)
  await simulator.close()
  await hanging
})

await test('responses of analysis calls can be late, cut, or from the front end', async t => {
  const { origin, faults } = await start(t)
  const { access_token: token } = await buyTokens(origin)

  faults.delayMs = 20
  const before = performance.now()
  t.equal((await getTimes(origin, token)).status, 200)
  t.ok(performance.now() - before >= 19)
  delete faults.delayMs

  for (const cut of [0, 5]) {
    faults.cut = cut
    const [response] = await once(http.get(`${origin}/amsu-analysis/v2/available-times`, { headers: { authorization: `Bearer ${token}` } }), 'response') as [IncomingMessage]
    t.equal(response.statusCode, 200)
    t.ok(Number(response.headers['content-length']) > 50, 'the whole length is announced')
    let bytes = 0
    await t.rejects(async () => { for await (const chunk of response) bytes += (chunk as Buffer).length })
    t.equal(bytes, cut)
  }
  delete faults.cut

  faults.status = 502
  const page = await call(origin, '/amsu-analysis/v2/available-times')
  t.match([page.status, page.headers['content-type'], page.text], [502, 'text/html', '<html>'])
  t.equal((await sendForm(origin, 'POST', '/token', credentials)).status, 200, 'tokens are still sold')
})

await test('a front end that responds in the middle of an upload is no trouble for the next call', async t => {
  const { origin, faults } = await start(t)
  const { access_token: token } = await buyTokens(origin)
  faults.status = 503
  const ecg = synthesizeEcg({ minutes: 60 })
  await sendEcg(origin, '/hrv/rr-list/', token, ecg).catch(() => {})
  delete faults.status
  t.equal((await sendEcg(origin, '/hrv/rr-list/', token, ecg)).status, 200)
})

await test('a client that disconnects in the middle of an upload is no trouble for the next call', async t => {
  const simulator = await start(t)
  const { access_token: token } = await buyTokens(simulator.origin)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'multipart/form-data; boundary=x' }
  const upload = http.request(`${simulator.origin}/amsu-analysis/v2/hrv/rr-list/`, { method: 'POST', headers })
  upload.write('--x\r\nContent-Disposition: form-data; name="ecg_file"; filename="a.ecg"\r\n\r\n')
  upload.write(Buffer.alloc(10_000))
  await simulator.seen('POST /hrv/rr-list/')
  upload.on('error', () => {}).destroy()
  t.equal((await sendEcg(simulator.origin, '/hrv/rr-list/', token, synthesizeEcg({ minutes: 1 }))).status, 200)
  t.equal(simulator.record.uploads.count, 1)
})

await test('a simulator in another process is steered over HTTP', async t => {
  const simulator = await start(t)
  const { access_token: token } = await buyTokens(simulator.origin)
  const admin = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => {
    const response = await call(simulator.origin, `/simulator/${path}`, {
      method, ...body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
    })
    return { status: response.status, body: JSON.parse(response.text) as Record<string, unknown> }
  }
  t.match(await admin('POST', 'faults', { delayMs: 0, rejectPut: true }), { status: 200, body: { delayMs: 0, rejectPut: true } })
  t.same((await admin('POST', 'faults', { rejectPut: null })).body, { delayMs: 0 })
  t.same(simulator.faults, { delayMs: 0 })
  t.match(await admin('POST', 'faults', { dealy: 5 }), { status: 422, body: { error: { msg: /delayMs/ } } })
  t.match(await admin('POST', 'faults', { delayMs: 'long' }), { status: 422 })
  t.same((await admin('DELETE', 'faults')).body, {})
  t.same(simulator.faults, {})
  await admin('POST', 'revoke')
  t.equal((await getTimes(simulator.origin, token)).status, 401)
  t.match((await admin('GET', 'record')).body, { issueCount: 1, badBearers: 1, calls: { 'POST /token': 1, 'GET /available-times': 1 }, authorizations: [{ state: 'revoked' }] })
})
