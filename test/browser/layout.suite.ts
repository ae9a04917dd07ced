/**
 * Where the cards of the status page are, and what it shows when there is nothing to show. Started by test/browser/run.sh.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { words } from '../../src/endpoints/status-page/words.ts'
import { launchBrowser, openStatusPage } from './browser.ts'
import { setStage, type Stage } from './stage.ts'

/** Between cards, in pixels: 1rem. */
const GAP = 16

interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

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

/** What the cards leave empty of the grid besides the gaps between them, in words. */
function holesOf (grid: Box, cards: readonly Box[]): string[] {
  const holes: string[] = []
  const expect = (what: string, found: number, expected: number): void => { if (Math.abs(found - expected) >= 1) holes.push(`${what} is at ${found}, not at ${expected}`) }
  let top = grid.top
  for (const [i, card] of cards.entries()) {
    const [before, next] = [cards[i - 1], cards[i + 1]]
    const isFirst = before === undefined || before.top !== card.top
    const isLast = next === undefined || next.top !== card.top
    if (isFirst && before !== undefined) top = before.bottom + GAP
    expect(`the top of card ${i}`, card.top, top)
    expect(`the left of card ${i}`, card.left, isFirst ? grid.left : before.right + GAP)
    if (isLast) expect(`the right of card ${i}, the last of its row`, card.right, grid.right)
    else expect(`the bottom of card ${i}`, card.bottom, next.bottom)
  }
  expect('the bottom of the last card', cards.at(-1)?.bottom ?? 0, grid.bottom)
  return holes
}

for (const width of [1920, 1280, 1024, 768, 360]) {
  test(`no card leaves a hole in the grid at ${width} px`, async () => {
    const { page, close } = await openStatusPage(browser, stage.origin, { viewport: { width, height: 900 } })
    const [grid, ...cards] = await page.evaluate("[...document.querySelectorAll('.grid, .grid > section')].map(each => each.getBoundingClientRect().toJSON())") as Box[]
    assert.ok(grid !== undefined)
    assert.equal(cards.length, 6)
    assert.deepEqual(holesOf(grid, cards), [])
    assert.notDeepEqual(holesOf({ ...grid, right: grid.right + 368 }, cards), [], 'a third column that stays empty is found')
    const [state] = await page.evaluate("[...document.querySelectorAll('.state')].map(each => each.getBoundingClientRect().toJSON())") as Box[]
    assert.deepEqual([state?.left, state?.right], [grid.left, grid.right], 'the first card is as wide as the grid')
    await close()
  })
}

for (const [language, locale] of [['en', 'en-GB'], ['zh', 'zh-CN']] as const) {
  test(`the chart of an idle proxy says that there were no requests, and names no peak: ${language}`, async () => {
    const idle = await setStage({ hasTraffic: false })
    const { page, complaints, close } = await openStatusPage(browser, idle.origin, { locale })
    const { ago, none } = words[language].traffic
    assert.deepEqual(await page.locator('#chart .ends span').allTextContents(), [ago, none, words[language].token.now])
    assert.equal(await page.locator('#chart svg').getAttribute('aria-label'), none)
    assert.equal(await page.locator('#chart rect:not(.quiet)').count(), 0)
    assert.equal(await page.locator('#log').innerText(), words[language].requests.none)
    assert.deepEqual(complaints, [])
    await close()
    await idle.close()
  })
}
