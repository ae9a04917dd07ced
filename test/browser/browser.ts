/**
 * Debian's Chromium, and the status page in it.
 */
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'

const EXECUTABLE = '/usr/bin/chromium'
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

/** The window of a desktop and that of a phone. */
export const WIDE = { width: 1080, height: 1180 }
export const PHONE = { width: 390, height: 844 }

export interface OpenPage {
  readonly page: Page
  /** Errors, warnings, violations of the policy, and requests to somebody else. */
  readonly complaints: string[]
  readonly close: () => Promise<void>
}

/** Starts the browser. */
export async function launchBrowser (): Promise<Browser> {
  return await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS })
}

/** Opens the status page of a proxy, and notes whatever goes wrong in it. `prepare` is given the page before it loads. */
export async function openStatusPage (browser: Browser, origin: string, options: BrowserContextOptions = {}, prepare = async (_page: Page): Promise<void> => {}): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: WIDE, locale: 'en-GB', ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => { if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text()) })
  page.on('pageerror', error => { complaints.push(error.message) })
  page.on('request', request => { if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) complaints.push(`leaves: ${request.url()}`) })
  await page.addInitScript("document.addEventListener('securitypolicyviolation', event => { console.error('violates ' + event.violatedDirective) })")
  await prepare(page)
  await page.goto(`${origin}/status`)
  return { page, complaints, close: async () => { await context.close() } }
}
