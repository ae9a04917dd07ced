/**
 * Watches files by polling: it works on every file system and through every symlink swap
 * (docs/internals/decisions/0003-guards.md).
 */
import type { Fingerprints } from './setting-files.ts'
import { fingerprintAt } from './text-file.ts'

/** How often the files are looked at. */
const WATCH_INTERVAL_MS = 1_000

/**
 * Reads files again when one of them may have changed: written in place, replaced, or reached through another link. Files that
 * belong together are read together, so that a new certificate is not tried with the old key.
 *
 * *Seen* means read well. After a reading that failed the files are read at each look until it succeeds; and after one that found
 * something else they are read once more, because a file that changes twice within a tick of its file system's clock looks the same.
 *
 * @param seen what was seen of each file when it was last read
 * @param read reads them all; returns what it has seen, or undefined when they did not read well
 * @returns ends the watch
 */
export function watchFiles (seen: Fingerprints, read: () => Fingerprints | undefined): () => void {
  const paths = Object.keys(seen)
  let known = seen
  let isSettled = false
  const timer = setInterval(() => {
    if (isSettled && paths.every(path => fingerprintAt(path) === known[path])) return
    const now = read()
    isSettled = now !== undefined && paths.every(path => now[path] === known[path])
    known = now ?? known
  }, WATCH_INTERVAL_MS)
  timer.unref()
  return () => { clearInterval(timer) }
}
