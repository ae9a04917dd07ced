/**
 * A unix socket as a place to listen: only who may write to the file may call, which loopback TCP can not say.
 */
import { chmodSync, lstatSync, rmSync } from 'node:fs'
import net from 'node:net'
import { systemCode } from './config/variables.ts'

/** The owner and the group may connect, nobody else. */
const SOCKET_MODE = 0o660

/** What connecting to a socket file says when no process has it open, or when it has just gone. */
const NOBODY = new Set(['ECONNREFUSED', 'ENOENT'])

/**
 * Removes a socket file that nobody listens on any more: what a killed process leaves behind.
 *
 * @throws an error with code EADDRINUSE when somebody listens on it, or when it is no socket
 */
export async function removeStaleSocket (path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return
  if (!stats.isSocket()) throw taken('UNIX_SOCKET names a file that is no socket; it is left as it is')
  if (await isLive(path)) throw taken('somebody listens on UNIX_SOCKET already')
  rmSync(path, { force: true })
}

/** Lets the group of the file connect, and nobody else. */
export function restrictSocket (path: string): void {
  chmodSync(path, SOCKET_MODE)
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
