import { test } from 'tap'
import { readFileSync } from 'node:fs'
import { currentFingerprint, FINGERPRINT_FILE, type Fingerprint } from '../browser/fingerprint.ts'

test('the screenshots show this version of the program and its page as it is', async t => {
  const made = JSON.parse(readFileSync(FINGERPRINT_FILE, 'utf8')) as Fingerprint
  const current = currentFingerprint()
  const remedy = 'npm run screenshots makes docs/images/status-*.png anew; it needs Debian’s chromium and fonts-wqy-zenhei'
  t.equal(made.version, current.version, `the version is another one: ${remedy}`)
  t.equal(made.page, current.page, `the page has changed since: ${remedy}`)
  t.same(made.images, current.images, `the images are not those that were made: ${remedy}`)
})
