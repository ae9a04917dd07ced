/** An app of the vendor's school on fetch: redirects followed, the body read as text, no timeout. */
import { openAsBlob } from 'node:fs'

const { BASE_URL, CLIENT_ID, CLIENT_SECRET, ECG_FILE } = process.env
const stride = { height: 172, weight: 66.5, age: 41, gender: 1, hr: 148, cadence: 168, waistline: 82, body_fat: 17.5 }

/** Prints the response, and returns its body. */
async function send (step, method, path, { token, headers = {}, body } = {}) {
  const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const response = await fetch(`${BASE_URL}/amsu-analysis/v2${path}`, { method, headers: { ...authorization, ...headers }, body, redirect: 'follow' })
  const result = JSON.parse(await response.text())
  console.log(JSON.stringify({ step, status: response.status, body: result }))
  return result
}

function calorie (step, token, hr) {
  return send(step, 'POST', '/calorie/running/results/', { token, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ ...stride, hr }) })
}

function refreshForm (result) {
  if (result.refresh_token === undefined) throw new Error(`there is no refresh_token in ${JSON.stringify(result)}`)
  return new URLSearchParams({ refresh_token: result.refresh_token })
}

const first = await send('token', 'POST', '/token', { body: new URLSearchParams({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET }) })
const second = await send('renewal', 'PUT', '/token', { body: refreshForm(first) })
const third = await send('refreshment', 'POST', '/token/refreshment', { body: refreshForm(second) })

await send('times', 'GET', '/available-times', { token: first.access_token })
await send('redirect', 'GET', '/available-times/', { token: first.access_token })
await calorie('calorie', second.access_token, stride.hr)
const form = new FormData()
form.append('ecg_file', await openAsBlob(ECG_FILE), 'recording.ecg')
form.append('model', 'offline')
form.append('device', 'V6')
await send('rr-list', 'POST', '/hrv/rr-list/', { token: third.access_token, body: form })
await calorie('bad field', third.access_token, 7)

await send('no authorization', 'GET', '/available-times')
await send('wrong secret', 'POST', '/token', { body: new URLSearchParams({ client_id: CLIENT_ID, client_secret: `not-${CLIENT_SECRET}` }) })
