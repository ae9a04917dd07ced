/** Writes what the documents say about settings and errors: `npx tsx test/docs/main.ts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { renderErrorTable } from './error-document.ts'
import { replaceSection } from './section.ts'
import { renderEnvExample, renderSettingsTable } from './settings-document.ts'

const root = new URL('../../', import.meta.url)

for (const [folder, language] of [['docs/reference', 'en'], ['docs/zh-CN/reference', 'zh']] as const) {
  write(`${folder}/settings.md`, 'settings', renderSettingsTable(language))
  write(`${folder}/errors.md`, 'errors', renderErrorTable(language))
}
writeFileSync(new URL('.env.example', root), renderEnvExample())

function write (path: string, name: string, table: string): void {
  const file = new URL(path, root)
  writeFileSync(file, replaceSection(readFileSync(file, 'utf8'), name, table))
}
