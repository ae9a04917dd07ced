/**
 * File watcher that polls, which works on every file system and with every kind of symlink swap
 * (docs/internals/decisions/0003-guards.md).
 */
import type { Fingerprints } from './setting-files.ts'
import { fingerprintAt } from './text-file.ts'

/** How often the files are checked. */
const POLL_INTERVAL_MS = 1_000

/**
 * Reads files again when one of them may have changed: written in place, replaced, or reached through another link. Files that
 * belong together are read together, so that a new certificate is not tried with the old key.
 *
 * After a failed read, the files are read at each poll until a read succeeds. After a read that found a change, they are read once
 * more, because a file that changes twice within one tick of its file system's clock has the same fingerprint.
 *
 * @param seen the fingerprint of each file when it was last read
 * @param read reads all files; returns their fingerprints, or undefined if a file is invalid
 * @returns a function that stops the watcher
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
  }, POLL_INTERVAL_MS)
  timer.unref()
  return () => { clearInterval(timer) }
}
