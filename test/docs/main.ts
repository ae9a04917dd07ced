/** Writes what the documents say about settings and errors: `npx tsx test/docs/main.ts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { renderErrorTable } from './error-document.ts'
import { replaceSection } from './section.ts'
import { renderEnvExample, renderSettingsTable } from './settings-document.ts'

const root = new URL('../../', import.meta.url)

for (const [file, language] of [['README.md', 'en'], ['README.zh-CN.md', 'zh']] as const) {
  const readme = new URL(file, root)
  const withSettings = replaceSection(readFileSync(readme, 'utf8'), 'settings', renderSettingsTable(language))
  writeFileSync(readme, replaceSection(withSettings, 'errors', renderErrorTable(language)))
}
writeFileSync(new URL('.env.example', root), renderEnvExample())
