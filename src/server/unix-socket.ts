/**
 * Listens on a unix domain socket, with access control by file permissions, which loopback TCP does not have.
 */
import { chmodSync, lstatSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import net from 'node:net'
import { dirname, join } from 'node:path'
import { codeOf } from '../errors.ts'

/** The owner and the group may connect, nobody else. */
const SOCKET_MODE = 0o660

/** Limit of a socket's path in bytes (unix(7)); it also applies to a socket that is moved to its path. */
const MAX_PATH_BYTES = 107

/** Errors of connecting to a socket file that no process has open, or that was just removed. */
const NOBODY_LISTENS = new Set(['ECONNREFUSED', 'ENOENT'])

/**
 * Listens at `path` so that only the owner and the group can connect, from the first moment on. A socket is created with the mode of the
 * process's umask, and others could connect before that is changed. So it is created in a directory that only the owner can enter, gets
 * its mode there, and is then moved to its path.
 *
 * @param listen listens at the path it is given
 * @returns a function that removes the socket file, if it is still this socket's; Node only removes the path it listened at
 * @throws an error with code EADDRINUSE if a process listens there, or if the path is not a socket
 */
export async function listenRestricted (path: string, listen: (path: string) => Promise<unknown>): Promise<() => void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw Object.assign(new Error(`UNIX_SOCKET is too long: a socket path has at most ${MAX_PATH_BYTES} bytes, use a shorter one`), { code: 'ENAMETOOLONG' })
  await removeStaleSocket(path)
  // A short name: the path in the directory must not exceed the limit either.
  const directory = mkdtempSync(join(dirname(path), '.a-'))
  try {
    const made = join(directory, 's')
    await listen(made)
    chmodSync(made, SOCKET_MODE)
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw taken('another process, started at the same time, listens on UNIX_SOCKET')
    renameSync(made, path)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  const { dev, ino } = lstatSync(path)
  return () => {
    const now = lstatSync(path, { throwIfNoEntry: false })
    if (now?.dev === dev && now.ino === ino) rmSync(path, { force: true })
  }
}

/** Removes a stale socket file, which a killed process did not remove. */
async function removeStaleSocket (path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return
  if (!stats.isSocket()) throw taken('UNIX_SOCKET names a file that is not a socket: remove it or use another path')
  if (await isLive(path)) throw taken('another process already listens on UNIX_SOCKET')
  rmSync(path, { force: true })
}

function taken (message: string): Error {
  return Object.assign(new Error(message), { code: 'EADDRINUSE' })
}

/** Whether a process listens at `path`. Only a refused connection means no: a full queue or a missing permission means yes. */
async function isLive (path: string): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = net.connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', error => { resolve(!NOBODY_LISTENS.has(codeOf(error))) })
  })
}
