/**
 * Secrets and certificates that come in files (Docker and Kubernetes secrets), and the watch over them.
 */
import { statSync } from 'node:fs'
import { Secret } from '../secrets/secret.ts'
import { readText, systemCode } from './variables.ts'

/** How often a file is looked at. Looking, not being told: it works on every file system and through every symlink swap. */
const WATCH_INTERVAL_MS = 1_000

/** Permission to read or to write for everybody on the machine (POSIX `o+rw`): who can write a secret file can also put in another one. */
const OPEN_TO_ALL = 0o006

/** What a file held, or a sentence about what is wrong with it. */
export type FileContent = { readonly secret: Secret } | { readonly problem: string }

/**
 * Reads one secret from a file. One trailing newline is dropped: editors and `echo` add it.
 *
 * @param name the setting that names the file, for the problem; the path itself is not repeated
 */
export function readSecretFile (name: string, path: string): FileContent {
  try {
    const text = readText(path).replace(/\r?\n$/, '')
    return text.trim() === '' ? { problem: `${name} names an empty file` } : { secret: new Secret(text) }
  } catch (error) {
    return { problem: `${name} can not be read (${systemCode(error)})` }
  }
}

/** Whether everybody on the machine can read or change a file, by its own mode; a directory above it may still keep them out. */
export function isOpenToAll (path: string): boolean {
  try {
    return (statSync(path).mode & OPEN_TO_ALL) !== 0
  } catch {
    return false // reading it says what is wrong
  }
}

/**
 * Calls `onChange` whenever one of the files may have changed: written in place, replaced, or reached through another link. What
 * changes together is told once, so that a new certificate is not tried with the old key.
 *
 * @returns ends the watch
 */
export function watchFiles (paths: readonly string[], onChange: () => void): () => void {
  let seen = fingerprint(paths)
  const timer = setInterval(() => {
    const now = fingerprint(paths)
    if (now === seen) return
    seen = now
    onChange()
  }, WATCH_INTERVAL_MS)
  timer.unref()
  return () => { clearInterval(timer) }
}

/** Differs when a file does; what can not be looked at has a fingerprint too. */
function fingerprint (paths: readonly string[]): string {
  return paths.map(path => {
    try {
      const { ino, size, mtimeMs, ctimeMs } = statSync(path)
      return [ino, size, mtimeMs, ctimeMs].join(' ')
    } catch (error) {
      return systemCode(error)
    }
  }).join('\n')
}
