/**
 * A unix socket as a place to listen: only who may write to the file may call, which loopback TCP can not say.
 */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import net from 'node:net'

/** The owner and the group may connect, nobody else. */
const SOCKET_MODE = 0o660

/**
 * Removes a socket file that nobody listens on any more: what a killed process leaves behind.
 *
 * @throws an error with code EADDRINUSE when somebody listens on it, or when it is no socket
 */
export async function removeStaleSocket (path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return
  if (!stats.isSocket() || await isLive(path)) throw Object.assign(new Error('the path is taken'), { code: 'EADDRINUSE' })
  unlinkSync(path)
}

/** Lets the group of the file connect, and nobody else. */
export function restrictSocket (path: string): void {
  chmodSync(path, SOCKET_MODE)
}

async function isLive (path: string): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = net.connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => { resolve(false) })
  })
}
