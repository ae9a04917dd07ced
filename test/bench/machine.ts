/** What a result depends on and a reader must know: the machine, and which of its cores does what. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'

/** The core of the proxy under test; nothing else is meant to run there. */
export const PROXY_CORE = '0'
/** The core of the upstream, the load and the harness itself. */
export const LOAD_CORE = '1'

/** A machine, as it stands in a document. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGib: number
  readonly system: string
}

/** Describes this machine. */
export function describeMachine (): Machine {
  const distribution = existsSync('/etc/os-release') ? /^PRETTY_NAME="([^"]+)"/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] : undefined
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    // Not those this process may use: it is bound to one of them.
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${distribution ?? 'Linux'}, kernel ${release().split('-')[0] ?? ''}`,
  }
}

/**
 * Moves this process to the core of the load, so that it does not disturb the proxy's.
 *
 * @throws an Error that says what the machine lacks
 */
export function settle (): void {
  if (process.platform !== 'linux' || availableParallelism() < 2) throw new Error('the benchmark needs Linux and two cores: one for the proxy alone')
  const { status } = spawnSync('taskset', ['-acp', LOAD_CORE, String(process.pid)], { stdio: 'ignore' })
  if (status !== 0) throw new Error('taskset does not work here; npm run bench -- --install installs what is missing')
}
