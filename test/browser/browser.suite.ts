/**
 * The status page in a real Chromium: every state, in both languages, light and dark, wide and narrow, by mouse and by keyboard.
 * Started by test/browser/run.sh.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { words, type Words } from '../../src/endpoints/status-page/words.ts'
import { call } from '../support/client.ts'
import { CLIENT_ID, CLIENT_SECRET, startProxy } from '../support/proxy.ts'
import { json, startUpstream } from '../support/upstream.ts'
import { outcomeOf } from '../telemetry/outcomes.ts'
import { launchBrowser, openStatusPage, PHONE, WIDE, type OpenPage } from './browser.ts'
import { GOOD, SCENES, setStage, type Stage } from './stage.ts'

let browser: Browser
let stage: Stage

before(async () => {
  browser = await launchBrowser()
  stage = await setStage()
})

after(async () => {
  await browser.close()
  await stage.close()
})

async function open (origin: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  return await openStatusPage(browser, origin, options)
}

async function isTooWide (page: Page): Promise<boolean> {
  return await page.evaluate('document.documentElement.scrollWidth > innerWidth') as boolean
}

for (const [language, locale] of [['en', 'en-GB'], ['zh', 'zh-CN']] as const) {
  test(`each state has its words and its colour: ${language}`, async () => {
    for (const [i, scene] of SCENES.entries()) {
      Object.assign(stage.state, { token: scene.token, isDraining: scene.isDraining === true })
      const isPhone = i % 2 === 1
      const { page, complaints, close } = await open(stage.origin, { locale, colorScheme: i % 3 === 0 ? 'dark' : 'light', viewport: isPhone ? PHONE : WIDE })
      assert.equal(await page.locator('h1').textContent(), words[language].states[scene.words as keyof Words['states']][0], scene.words)
      assert.equal(await page.locator('body').getAttribute('data-level'), scene.level, scene.words)
      assert.equal(await page.locator('html').getAttribute('lang'), words[language].language)
      assert.doesNotMatch(await page.locator('main').innerText(), /[{}]|undefined|NaN|null/, scene.words)
      assert.equal(await isTooWide(page), false, `${scene.words}: nothing is wider than the window`)
      assert.deepEqual(complaints, [], scene.words)
      await close()
    }
    Object.assign(stage.state, { token: SCENES[1]?.token, isDraining: false })
  })
}

for (const [language, locale] of [['en', 'en-GB'], ['zh', 'zh-CN']] as const) {
  test(`why no token can be got and a clock that is off are said in a sentence each, and unsaid when they are over: ${language}`, async () => {
    const { codes, withCode, withStatus } = words[language].failure
    const own = await setStage()
    Object.assign(own.state, { token: SCENES[4]?.token, clockSkewSeconds: -7_200 })
    const { page, complaints, close } = await open(own.origin, { locale, viewport: PHONE })
    const [failure, clock] = [page.locator('#failure'), page.locator('#clock')]
    assert.equal(await failure.textContent(), withCode.replace('{why}', String(codes['ECONNREFUSED'])).replace('{code}', 'ECONNREFUSED'))
    assert.equal(await clock.textContent(), words[language].clock.behind.replace('{skew}', words[language].units.h.replace('{n}', '2')))
    assert.equal(await isTooWide(page), false)
    assert.equal(await page.locator('.notes').getAttribute('aria-live'), 'polite', 'a screen reader hears of it')
    Object.assign(own.state, { token: SCENES[5]?.token, clockSkewSeconds: 7_200 })
    await page.getByText(words[language].clock.ahead.replace('{skew}', words[language].units.h.replace('{n}', '2'))).waitFor()
    assert.equal(await failure.textContent(), withStatus.replace('{status}', '502'))
    Object.assign(own.state, { token: GOOD, clockSkewSeconds: 30 })
    await failure.waitFor({ state: 'hidden' })
    await clock.waitFor({ state: 'hidden' })
    assert.deepEqual(complaints, [])
    await close()
    await own.close()
  })
}

for (const [language, locale] of [['en', 'en-GB'], ['zh', 'zh-CN']] as const) {
  test(`a quota that is used up, new credentials that are rejected and a network that is down are said in a sentence each, and unsaid when they are over: ${language}`, async () => {
    const own = await setStage()
    Object.assign(own.state, { caloriesLeft: 0, token: { ...GOOD, areNewCredentialsRejected: true } })
    own.observer.onOutcome(outcomeOf({ status: 502, errorCode: 'UPSTREAM_UNREACHABLE' }))
    const { page, complaints, close } = await open(own.origin, { locale, viewport: PHONE })
    const [rejected, unreachable, usedUp] = [page.locator('#rejected'), page.locator('#unreachable'), page.locator('#used-up')]
    assert.equal(await rejected.textContent(), words[language].rejected)
    assert.equal(await unreachable.textContent(), words[language].unreachable)
    assert.equal(await usedUp.textContent(), words[language].quota.usedUp.replace('{families}', words[language].quota.families.calorie_analysis))
    assert.equal(await isTooWide(page), false)
    Object.assign(own.state, { caloriesLeft: 1, token: GOOD })
    own.observer.onOutcome(outcomeOf())
    await rejected.waitFor({ state: 'hidden' })
    await unreachable.waitFor({ state: 'hidden' })
    await usedUp.waitFor({ state: 'hidden' })
    assert.deepEqual(complaints, [])
    await close()
    await own.close()
  })
}

test('a change of state is seen without a reload, a lost proxy is said to be lost, and its return is seen', async () => {
  const own = await setStage()
  const { page, close } = await open(own.origin)
  const headline = page.locator('h1')
  assert.equal(await headline.textContent(), words.en.states.serving[0])
  own.state.isDraining = true
  await page.getByRole('heading', { level: 1, name: String(words.en.states.draining[0]) }).waitFor()
  assert.equal(await page.locator('[role=status]').getAttribute('aria-live'), 'polite')
  await own.close()
  await page.getByRole('heading', { level: 1, name: String(words.en.states.unreachable[0]) }).waitFor()
  assert.equal(await page.locator('body').getAttribute('data-level'), 'bad')
  const next = await setStage({ port: Number(new URL(own.origin).port) })
  await page.getByRole('heading', { level: 1, name: String(words.en.states.serving[0]), exact: true }).waitFor()
  await close()
  await next.close()
})

test('a hidden page asks for nothing, and asks at once when it is seen again', async () => {
  const { page, close } = await open(stage.origin)
  const setHidden = async (isHidden: boolean): Promise<void> => {
    await page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${String(isHidden)} }); document.dispatchEvent(new Event('visibilitychange'))`)
  }
  let asked = 0
  await setHidden(true)
  page.on('request', () => { asked++ })
  await page.waitForTimeout(4_000)
  assert.equal(asked, 0)
  await Promise.all([page.waitForRequest(/\/status$/), setHidden(false)])
  await close()
})

test('the keyboard reaches everything there is to do, and what has the focus is seen', async () => {
  const { page, close } = await open(stage.origin)
  const seen: string[] = []
  for (let i = 0; i < 5; i++) {
    await page.keyboard.press('Tab')
    seen.push(await page.evaluate('document.activeElement.className || document.activeElement.id || document.activeElement.tagName') as string)
    assert.notEqual(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'none', seen.at(-1))
  }
  for (const each of ['skip', 'first-call', 'copy', 'SUMMARY']) assert.ok(seen.includes(each), `${each} in ${seen.join(' ')}`)
  await page.locator('.skip').focus()
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate('document.activeElement.id'), 'requests')
  await close()
})

test('a screen reader finds one main part, headings in order, named pictures, and tables with captions', async () => {
  const { page, close } = await open(stage.origin)
  assert.equal(await page.getByRole('main').count(), 1)
  assert.deepEqual(await page.evaluate("[...document.querySelectorAll('h1, h2')].map(each => each.tagName)"), ['H1', 'H2', 'H2', 'H2', 'H2', 'H2'])
  for (const name of await page.evaluate("[...document.querySelectorAll('svg')].map(each => each.getAttribute('role') + ': ' + each.getAttribute('aria-label'))") as string[]) assert.match(name, /^img: \w+ .*\.$/)
  assert.equal(await page.locator('table').count(), await page.locator('table > caption').count())
  assert.equal(await page.locator('section:not([aria-labelledby])').count(), 1, 'only what a summary names has no heading')
  await close()
})

test('text stands out from its ground by 4.5 to 1, light and dark', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const scene of SCENES.filter(({ level }, i) => SCENES.findIndex(each => each.level === level) === i)) {
      Object.assign(stage.state, { token: scene.token, isDraining: scene.isDraining === true, clockSkewSeconds: 7_200, caloriesLeft: 0 })
      const { page, close } = await open(stage.origin, { colorScheme })
      const poor = await page.evaluate(`(() => {
        const light = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
        const ground = node => { const { backgroundColor } = getComputedStyle(node); return backgroundColor.endsWith(', 0)') ? ground(node.parentElement) : backgroundColor }
        return [...document.querySelectorAll('h1, h2, p, dt, dd, td, th, caption, summary, button, pre, .pill, header *')].filter(node => node.textContent !== '').map(node => {
          const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x)
          return [(a + 0.05) / (b + 0.05), node.textContent.slice(0, 30)]
        }).filter(([ratio]) => ratio < 4.5)
      })()`)
      assert.deepEqual(poor, [], `${colorScheme} ${scene.words}`)
      await close()
    }
  }
  Object.assign(stage.state, { token: SCENES[1]?.token, isDraining: false, clockSkewSeconds: 1, caloriesLeft: 640 })
})

test('the page of a real proxy shows what was called, contains no secret, and suggests a first call for this proxy', async () => {
  const upstream = await startUpstream({ onRequest: (_received, res) => { json(res, 200, { hrv_analysis: 12 }) } })
  const proxy = await startProxy(upstream.origin, { CALLERS: 'app-one:caller-secret-1', QUOTA_POLL_SECONDS: '1' })
  const path = '/amsu-analysis/v2/hrv/rr-list/'
  try {
    await call(proxy.origin, `${path}?patient=query-secret`, { method: 'POST', body: 'body-secret', headers: { authorization: 'Bearer caller-secret-1' } })
    const { page, complaints, close } = await open(proxy.origin)
    await page.getByText(words.en.quota.families.hrv_analysis).waitFor()
    assert.match(await page.locator('#log').innerText(), /POST \/amsu-analysis\/v2\/hrv\/rr-list\/[^?]*200[^]*app-one/)
    assert.equal(await page.locator('#first-call').textContent(), `curl -u NAME:SECRET ${proxy.origin}/amsu-analysis/v2/available-times`)
    const document = await page.content()
    for (const secret of [CLIENT_ID, CLIENT_SECRET, 'caller-secret-1', 'query-secret', 'body-secret', 'upstream-token', 'upstream-refresh']) assert.ok(!document.includes(secret), secret)
    assert.deepEqual(complaints, [])
    await close()
  } finally {
    await proxy.stop()
    await upstream.close()
  }
})
