/** Writes what the documents say about settings and errors: `npx tsx test/docs/main.ts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { renderErrorTable } from './error-document.ts'
import { replaceSection } from './section.ts'
import { renderEnvExample, renderSettingsTable } from './settings-document.ts'

const readme = new URL('../../README.md', import.meta.url)
const withSettings = replaceSection(readFileSync(readme, 'utf8'), 'settings', renderSettingsTable())
writeFileSync(readme, replaceSection(withSettings, 'errors', renderErrorTable()))
writeFileSync(new URL('../../.env.example', import.meta.url), renderEnvExample())
