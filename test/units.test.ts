/**
 * The tests of single units, one after the other in one process: to load the test runner and the source costs more than most of
 * them. Each file can be run alone, too.
 */
import { readdirSync } from 'node:fs'

/** The folders whose tests need no process of their own. */
const FOLDERS = ['amsu', 'callers', 'commands', 'config', 'endpoints', 'endpoints/status-page/browser', 'guards', 'logging', 'relay', 'secrets', 'server', 'telemetry', 'token', 'upstream']

for (const folder of FOLDERS) {
  const files = readdirSync(new URL(folder, import.meta.url)).filter(file => file.endsWith('.test.ts'))
  for (const file of files.sort()) await import(`./${folder}/${file}`)
}
