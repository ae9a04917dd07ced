/**
 * Where the commands of the documents are run: a copy of what they touch, and a PATH that holds nothing but the tools they may use
 * and a stand-in for each engine. What else a document says is not found, and so fails.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { ENGINES } from './engines.ts'
import { root } from './markdown.ts'

/** What a command of a document may be, besides the shell's own. */
const TOOLS = ['bash', 'cat', 'chmod', 'cp', 'grep', 'jq', 'openssl', 'sleep', 'mktemp']

/** Milliseconds for one block. */
const BLOCK_TIMEOUT_MS = 20_000

/** Notes its arguments, and goes on as if all had gone well. */
const STAND_IN = `#!/bin/bash
printf '%s\\0' "\${0##*/}" "$@" >"$(mktemp "$NOTES/call-XXXXXX")"
`

/** `npm start` does run the program, until it says where it listens; then it is stopped, and must end with 0. */
const NPM = `${STAND_IN}[[ $1 == start ]] || exit 0
PORT=0 node dist/main.js >"$NOTES/start" & pid=$!
until grep -q '"address"' "$NOTES/start" || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
kill -TERM $pid 2>/dev/null
wait $pid
`

/** An error response fails the command: -f is not in the documents, because a reader wants to see the response. */
const CURL = (path: string): string => `#!/bin/bash\nexec ${path} -q --silent --show-error --fail-with-body --max-time 10 "$@"\n`

/** What became of a block. */
export interface BlockRun {
  readonly code: number | null
  readonly output: string
  /** The copy it was run in. */
  readonly cwd: string
  /** The commands that met a stand-in. */
  readonly noted: string[][]
}

/** A place to run blocks in. */
export interface Sandbox {
  /** Runs a text by a shell in a fresh copy of the project. */
  readonly run: (text: string, environment: Record<string, string>) => Promise<BlockRun>
  readonly close: () => Promise<void>
}

/** Makes the place. `files` are put into each copy, by path. */
export async function openSandbox (files: Readonly<Record<string, string | Buffer>>): Promise<Sandbox> {
  const home = await mkdtemp(join(tmpdir(), 'amsu-proxy-docs-'))
  const bin = join(home, 'bin')
  await mkdir(bin)
  for (const tool of TOOLS) await symlink(await find(tool), join(bin, tool))
  await symlink(process.execPath, join(bin, 'node'))
  for (const [name, text] of [...ENGINES.map(engine => [engine, engine === 'npm' ? NPM : STAND_IN] as const), ['curl', CURL(await find('curl'))] as const]) {
    await writeFile(join(bin, name), text)
    await chmod(join(bin, name), 0o755)
  }
  let blocks = 0

  return {
    async run (text, environment) {
      const cwd = join(home, String(++blocks))
      const notes = join(cwd, 'notes')
      await mkdir(notes, { recursive: true })
      for (const path of ['dist', 'docs', 'test', 'src', 'package.json', 'Dockerfile']) await symlink(new URL(path, root).pathname, join(cwd, path))
      for (const path of ['docker', '.env.example']) await cp(new URL(path, root).pathname, join(cwd, path), { recursive: true })
      for (const [path, content] of Object.entries(files)) await writeFile(join(cwd, path), content)
      const child = spawn('/bin/bash', ['--norc', '-euo', 'pipefail', '-c', text], { cwd, env: { PATH: bin, HOME: cwd, NOTES: notes, ...environment }, stdio: ['pipe', 'pipe', 'pipe'], timeout: BLOCK_TIMEOUT_MS })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { output += chunk.toString() })
      child.stdin.on('error', () => {}) // a command that reads nothing may have ended before
      child.stdin.end('pasted\n')
      const [code] = await once(child, 'close') as [number | null]
      const calls = (await readdir(notes)).filter(name => name.startsWith('call-'))
      const noted = await Promise.all(calls.map(async name => (await readFile(join(notes, name), 'utf8')).split('\0').slice(0, -1)))
      return { code, output, cwd, noted }
    },
    async close () { await rm(home, { recursive: true, force: true }) },
  }
}

/** Finds a program of this machine. */
async function find (tool: string): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const names: string[] = await readdir(folder).catch(() => [])
    if (names.includes(tool)) return join(folder, tool)
  }
  throw new Error(`${tool} is not installed`)
}
