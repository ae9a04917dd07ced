/**
 * A unix socket as a place to listen: only who may write to the file may call, which loopback TCP can not say.
 */
import { chmodSync, lstatSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import net from 'node:net'
import { dirname, join } from 'node:path'
import { systemCode } from '../config/text-file.ts'

/** The owner and the group may connect, nobody else. */
const SOCKET_MODE = 0o660

/** Most bytes of a socket's path that somebody can connect to (unix(7); it holds for what is moved there too). */
const MAX_PATH_BYTES = 107

/** What connecting to a socket file says when no process has it open, or when it has just gone. */
const NOBODY = new Set(['ECONNREFUSED', 'ENOENT'])

/**
 * Listens at `path` so that nobody but the owner and the group can connect, from the first moment on. A socket is made with the
 * mode the process happens to have for new files, and could be connected to before that is changed: so it is made in a directory
 * only the owner can enter, and moved to its place with its mode right.
 *
 * @param listen listens at the path it is given
 * @returns removes the file at the end, if it is still this socket's: Node removes the path it has listened at
 * @throws an error with code EADDRINUSE when somebody listens there, or when something is there that is no socket
 */
export async function listenRestricted (path: string, listen: (path: string) => Promise<unknown>): Promise<() => void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw Object.assign(new Error('UNIX_SOCKET is longer than a socket’s path can be'), { code: 'ENAMETOOLONG' })
  await removeStaleSocket(path)
  // A short name: what is added to the path must fit too.
  const directory = mkdtempSync(join(dirname(path), '.a-'))
  try {
    const made = join(directory, 's')
    await listen(made)
    chmodSync(made, SOCKET_MODE)
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw taken('somebody listens on UNIX_SOCKET since just now')
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

/** Removes a socket file that nobody listens on any more: what a killed process leaves behind. */
async function removeStaleSocket (path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return
  if (!stats.isSocket()) throw taken('UNIX_SOCKET names a file that is no socket; it is left as it is')
  if (await isLive(path)) throw taken('somebody listens on UNIX_SOCKET already')
  rmSync(path, { force: true })
}

function taken (message: string): Error {
  return Object.assign(new Error(message), { code: 'EADDRINUSE' })
}

/** Only a refusal says that nobody listens: a full queue or a missing right to connect is somebody's. */
async function isLive (path: string): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = net.connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', error => { resolve(!NOBODY.has(systemCode(error))) })
  })
}
