/**
 * A real forward proxy as a process of its own.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import net from 'node:net'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/until.ts'

export interface Tinyproxy {
  /** For AMSU_HTTP_PROXY, with its credentials. */
  readonly url: string
  readonly port: number
  end: () => Promise<void>
}

export interface TinyproxyOptions {
  /** Folder for its configuration. */
  readonly home: string
  /** Ports a tunnel may lead to. Debian's own configuration allows 443 and 563. */
  readonly connectPorts: readonly number[]
  readonly credentials?: { readonly user: string, readonly password: string }
  /** @default a free one */
  readonly port?: number
}

/** Starts tinyproxy on loopback and waits until it takes connections. */
export async function startTinyproxy ({ home, connectPorts, credentials, port: wanted }: TinyproxyOptions): Promise<Tinyproxy> {
  const port = wanted ?? await freePort()
  const path = join(home, `tinyproxy-${port}.conf`)
  await writeFile(path, [
    `Port ${port}`, 'Listen 127.0.0.1', 'Allow 127.0.0.1', 'Timeout 600', 'MaxClients 50', 'LogLevel Critical', 'ViaProxyName "tinyproxy"',
    ...connectPorts.map(allowed => `ConnectPort ${allowed}`),
    ...(credentials === undefined ? [] : [`BasicAuth ${credentials.user} ${credentials.password}`]),
  ].join('\n') + '\n')
  const child = spawn('tinyproxy', ['-d', '-c', path], { stdio: 'ignore' })
  await until(async () => await takesConnections(port))
  const userinfo = credentials === undefined ? '' : `${credentials.user}:${encodeURIComponent(credentials.password)}@`
  return { url: `http://${userinfo}127.0.0.1:${port}`, port, end: async () => { await end(child) } }
}

async function end (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

async function takesConnections (port: number): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true) })
    socket.on('error', () => { resolve(false) })
  })
}
