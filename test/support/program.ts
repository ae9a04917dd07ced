/**
 * The built program as a process of its own, as a user starts it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { CLIENT_ID, CLIENT_SECRET } from './proxy.ts'

/** The file that is built to be run. */
export const MAIN = new URL('../../dist/main.js', import.meta.url).pathname

/** Runs Node, or that of NODE_BIN, without what the test runner puts into every child: its loaders cost half a second and 60 MB. */
export const NODE = ['/usr/bin/env', '-u', 'NODE_OPTIONS', '-u', 'NODE_V8_COVERAGE', process.env['NODE_BIN'] ?? process.execPath] as const

export interface Program {
  readonly child: ChildProcess
  /** Where it listens, e.g. `http://127.0.0.1:41234`. */
  readonly origin: string
  /** All it has written so far, both streams. */
  readonly output: () => string
  /** Resolves to the exit code and signal. */
  readonly exited: Promise<{ code: number | null, signal: string | null }>
  /** Peak resident memory so far, in bytes. */
  readonly peakMemory: () => number
}

/** Runs the program to its end; for what ends by itself. */
export async function runProgram (args: string[], environment: Record<string, string> = {}, cwd = '/', main = MAIN): Promise<{ code: number | null, stdout: string, stderr: string }> {
  const child = spawn(NODE[0], [...NODE.slice(1), main, ...args], { cwd, env: { PATH: process.env['PATH'], ...environment } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  const [code] = await once(child, 'close') as [number | null]
  return { code, stdout, stderr }
}

/** Starts the program in front of `upstream` and waits until it says where it listens. */
export async function startProgram (upstream: string, environment: Record<string, string> = {}, nodeOptions: readonly string[] = []): Promise<Program> {
  const child = spawn(NODE[0], [...NODE.slice(1), ...nodeOptions, MAIN], {
    cwd: '/',
    env: { PATH: process.env['PATH'], AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_BASE_URL: upstream, PORT: '0', QUOTA_POLL_SECONDS: '0', ...environment },
  })
  let output = ''
  const origin = await new Promise<string>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      output += chunk.toString()
      const address = /"address":"([^"]+)"/.exec(output)?.[1]
      if (address !== undefined) resolve(address)
    }
    child.stdout.on('data', onData)
    child.stderr.on('data', onData)
    child.once('exit', code => { reject(new Error(`the program ended with ${String(code)}: ${output}`)) })
  })
  const exited = new Promise<{ code: number | null, signal: string | null }>(resolve => {
    child.once('close', (code, signal) => { resolve({ code, signal }) })
  })
  return {
    child,
    origin,
    output: () => output,
    exited,
    peakMemory: () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(child.pid)}/status`, 'utf8'))?.[1]) * 1024,
  }
}

/** Ends a program if it still runs, and waits for that. */
export async function endProgram ({ child, exited }: Program): Promise<void> {
  if (child.exitCode === null) child.kill('SIGKILL')
  await exited
}
