/**
 * Reads the callers of `CALLERS_FILE`.
 */
import { parseCallersFile, type Caller } from '../callers/caller-list.ts'
import { withPath, type SettingFiles } from './setting-files.ts'

/** Returns the callers in a file. If the file is invalid, returns undefined and adds problems that name its lines. */
export function readCallersFile (path: string, problems: string[], files: SettingFiles): readonly Caller[] | undefined {
  const text = files.read('CALLERS_FILE', path, problems)
  if (text === undefined) return undefined
  const list = parseCallersFile(text)
  if ('callers' in list) return list.callers
  problems.push(...list.problems.map(problem => withPath(problem, path)))
  return undefined
}
