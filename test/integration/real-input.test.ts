import { test } from 'tap'
import { existsSync, readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { CLIENT_ID, CLIENT_SECRET, startProxy } from '../support/proxy.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { synthesizeEcg } from '../simulator/synthetic-ecg.ts'

/** A real recording that lies beside the project on some machines; elsewhere one is drawn. */
const RECORDING = new URL('../../../shared/data/mitdb-100.ecg', import.meta.url)
const isReal = existsSync(RECORDING)
const ecg = isReal ? readFileSync(RECORDING) : synthesizeEcg({ minutes: 30, meanHeartRate: 75.5 })

test(`a 30-minute ECG (${isReal ? 'a real one' : 'a drawn one'}) goes through, and its numbers come back`, async t => {
  const simulator = await startSimulator({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET })
  const proxy = await startProxy(simulator.origin)
  t.teardown(async () => { await proxy.stop(); await simulator.close() })

  async function analyse (path: string): Promise<Record<string, unknown>> {
    const form = new FormData()
    for (const [name, value] of Object.entries({ height: '170', weight: '65.5', age: '40', gender: '0', model: 'offline', device: 'V6' })) form.set(name, value)
    form.set('ecg_file', new Blob([ecg]), 'night.ecg')
    // Node's own fetch encodes the form by itself.
    const response = await fetch(`${proxy.origin}/amsu-analysis/v2${path}`, { method: 'POST', body: form })
    t.equal(response.status, 200, path)
    return await response.json() as Record<string, unknown>
  }

  const { rr_list: intervals } = await analyse('/hrv/rr-list/') as { rr_list: number[] }
  t.ok(Math.abs(intervals.length + 1 - 2_273) <= 0.02 * 2_273, `${intervals.length + 1} beats`)
  const { beats_num: beats, hr } = await analyse('/arrhythmia/common/results/') as { beats_num: number, hr: number }
  t.ok(Math.abs(hr - 75.5) <= 2, `mean rate ${hr}`)
  t.ok(Math.abs(beats - 2_273) <= 0.02 * 2_273, `${beats} beats`)
  t.match(await analyse('/hrv/common/results/'), { sdnn: Number, rmssd: Number })
  t.equal(simulator.record.uploads.lastSha256, createHash('sha256').update(ecg).digest('hex'), 'byte for byte')
})
