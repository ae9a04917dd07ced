/** The small programs that are compiled here: the upstream and the client in C, Go's proxy in Go. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** All files of the benchmark are here; a new installation deletes them. */
export const WORKSHOP = fileURLToPath(new URL('../../node_modules/.cache/amsu-proxy-bench', import.meta.url))

const here = fileURLToPath(new URL('.', import.meta.url))

/** Path of a compiled program. */
export function tool (name: 'upstream' | 'client' | 'reverseproxy'): string {
  return `${WORKSHOP}/bin/${name}`
}

/** Path of a file beside this one. */
export function part (name: string): string {
  return `${here}${name}`
}

/**
 * Compiles what is missing or older than its source. Go's proxy is left out where there is no Go.
 *
 * @throws an Error with the compiler's words
 */
export function compileTools (): void {
  mkdirSync(`${WORKSHOP}/bin`, { recursive: true })
  for (const name of ['upstream', 'client'] as const) {
    compile(part(`native/${name}.c`), tool(name), part('native'), ['gcc', '-O2', '-pthread', '-o', tool(name), `${name}.c`])
  }
  if (versionOf(['go', 'version']) === undefined) return
  compile(part('peers/reverseproxy/main.go'), tool('reverseproxy'), part('peers/reverseproxy'), ['go', 'build', '-o', tool('reverseproxy'), '.'])
}

/** What a program says about its version, such as `1.22.1`; undefined if it cannot be run. */
export function versionOf (argv: readonly [string, ...string[]]): string | undefined {
  const { status, stdout, stderr } = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8', env: environment() })
  return status === 0 ? /\d+\.\d+(?:\.\d+)?/.exec(stdout + stderr)?.[0] : undefined
}

/**
 * The environment of everything that is started: none of what npm and tsx have put into ours, which would be loaded into each
 * Node.js, and Debian's servers are in sbin, which is not in everybody's PATH.
 */
export function environment (more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { HOME: WORKSHOP, PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`, ...more }
}

function compile (source: string, program: string, cwd: string, [command = '', ...words]: readonly string[]): void {
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return
  const { error, status, stderr } = spawnSync(command, words, { encoding: 'utf8', env: environment({ GOTOOLCHAIN: 'local' }), cwd })
  if (status !== 0) throw new Error(`${command} does not compile ${source}: ${error?.message ?? stderr}`)
}
