/**
 * Makes the screenshots of the documents: `npm run screenshots`. The page, its words and the version come from the built program; the
 * state it shows is staged at a fixed time, so the same program, browser and fonts make the same images.
 */
import { writeFileSync } from 'node:fs'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { words } from '../../src/endpoints/status-page/words.ts'
import type { Status } from '../../src/endpoints/status.ts'
import { endProgram, startProgram } from '../support/program.ts'
import { startUpstream } from '../support/upstream.ts'
import { launchBrowser, openStatusPage, PHONE } from './browser.ts'
import { currentFingerprint, FINGERPRINT_FILE, IMAGES, type SCREENSHOTS } from './fingerprint.ts'
import { GOOD, SCENES, setStage, type Stage } from './stage.ts'

/** When the screenshots are made, whenever that is. */
const NOW = Date.parse('2026-03-02T09:30:00Z')

const AS_JSON = { headers: { accept: 'application/json' } }

interface Shot {
  readonly name: typeof SCREENSHOTS[number]
  readonly options: BrowserContextOptions
  readonly state?: Partial<Stage['state']>
}

const SHOTS: readonly Shot[] = [
  { name: 'status-serving', options: { colorScheme: 'light' } },
  { name: 'status-dark-zh', options: { colorScheme: 'dark', locale: words.zh.language } },
  { name: 'status-phone', options: { colorScheme: 'dark', viewport: { ...PHONE, height: 560 } }, state: { token: SCENES.find(scene => scene.words === 'token_endpoint_down')?.token ?? GOOD, caloriesLeft: 0 } },
]

/** Has the browser see the page of the program with another state in it. */
async function showStaged (page: Page, origin: string, status: Status): Promise<void> {
  await page.clock.install({ time: NOW - 1000 })
  await page.clock.pauseAt(NOW)
  await page.route(`${origin}/status`, async route => {
    const response = await route.fetch()
    const html = await response.text()
    const embedded = /(?<=<script type="application\/json" id="status">)[^<]*(?=<\/script>)/
    if (!embedded.test(html)) throw new Error('the page has no status')
    await route.fulfill({ response, body: html.replace(embedded, () => JSON.stringify(status).replaceAll('<', '\\u003c')) })
  })
}

async function take (browser: Browser, origin: string, stage: Stage, { name, options, state }: Shot): Promise<void> {
  Object.assign(stage.state, { token: GOOD, caloriesLeft: 640, ...state })
  const { node, version } = await (await fetch(`${origin}/status`, AS_JSON)).json() as Status
  const staged = await (await fetch(`${stage.origin}/status`, AS_JSON)).json() as Status
  const { close, complaints, page } = await openStatusPage(browser, origin, { timezoneId: 'UTC', ...options }, async page => { await showStaged(page, origin, { ...staged, node, version }) })
  await page.locator('#state:not(:empty)').waitFor()
  if (complaints.length > 0) throw new Error(complaints.join('\n'))
  await page.screenshot({ path: new URL(`${name}.png`, IMAGES).pathname, animations: 'disabled' })
  await close()
}

const upstream = await startUpstream()
const program = await startProgram(upstream.origin)
const stage = await setStage({ now: NOW })
const browser = await launchBrowser()
try {
  for (const shot of SHOTS) await take(browser, program.origin, stage, shot)
  writeFileSync(FINGERPRINT_FILE, `${JSON.stringify(currentFingerprint(), null, 2)}\n`)
} finally {
  await browser.close()
  await stage.close()
  await endProgram(program)
  await upstream.close()
}
