/**
 * What the screenshots of the documents show, in a form that a test can compare: `npm run screenshots` writes it beside them.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { renderPage } from '../../src/endpoints/status-page/page.ts'
import { languages, words } from '../../src/endpoints/status-page/words.ts'
import type { Status } from '../../src/endpoints/status.ts'

/** Where the screenshots are. */
export const IMAGES = new URL('../../docs/images/', import.meta.url)

/** The file beside them. */
export const FINGERPRINT_FILE = new URL('screenshots.json', IMAGES)

/** The names of the screenshots. */
export const SCREENSHOTS = ['status-serving', 'status-dark-zh', 'status-phone'] as const

/** What the file beside the screenshots holds. */
export interface Fingerprint {
  /** The version of the program, which the page shows. */
  readonly version: string
  /** SHA-256 of the page in all its languages, without the state it shows. */
  readonly page: string
  /** SHA-256 of each screenshot. */
  readonly images: Readonly<Record<string, string>>
}

/** Describes the page of this checkout, and the screenshots that are there. */
export function currentFingerprint (): Fingerprint {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return {
    version,
    page: sha256(languages.map(language => renderPage({} as Status, words[language])).join('\n')),
    images: Object.fromEntries(SCREENSHOTS.map(name => [name, sha256(readFileSync(new URL(`${name}.png`, IMAGES)))])),
  }
}

function sha256 (content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
