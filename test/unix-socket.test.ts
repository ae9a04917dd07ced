import { test, type Test } from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeStaleSocket, restrictSocket } from '../src/unix-socket.ts'

/** Listens, and says so; after that it does what its signals say. */
const LISTENER = 'require("net").createServer().listen({ path: process.argv[1], backlog: 1 }, () => console.log("listening"))'

/** A path short enough for a socket, whatever the checkout's. */
function socketPath (t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'amsu-'))
  t.teardown(() => { rmSync(dir, { recursive: true }) })
  return join(dir, 's.sock')
}

/** A process that listens on `path`. */
async function startListener (t: Test, path: string): Promise<{ signal: (name: NodeJS.Signals) => void, end: () => Promise<void> }> {
  const child = spawn(process.execPath, ['-e', LISTENER, path], { env: {}, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  t.teardown(end)
  await once(child.stdout, 'data')
  return { signal: name => { child.kill(name) }, end }
}

test('where there is nothing, there is nothing to remove', async t => {
  await removeStaleSocket(socketPath(t))
})

test('what a killed process has left behind is removed', async t => {
  const path = socketPath(t)
  const { end } = await startListener(t, path)
  await end()
  t.equal(existsSync(path), true)
  await removeStaleSocket(path)
  t.equal(existsSync(path), false)
})

test('a socket somebody listens on is left to them', async t => {
  const path = socketPath(t)
  const server = net.createServer().listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  await t.rejects(removeStaleSocket(path), { code: 'EADDRINUSE', message: /listens/ })
  t.equal(existsSync(path), true)
})

test('a listener too busy to take one more connection is still one', { skip: process.platform === 'linux' ? false : 'only Linux tells it apart' }, async t => {
  const path = socketPath(t)
  const { signal } = await startListener(t, path)
  signal('SIGSTOP')
  const waiting: net.Socket[] = []
  t.teardown(() => { for (const socket of waiting) socket.destroy() })
  let code = ''
  while (code === '') {
    const socket = net.connect(path)
    waiting.push(socket)
    code = await new Promise<string>(resolve => {
      socket.once('connect', () => { resolve('') })
      socket.once('error', error => { resolve('code' in error ? String(error.code) : 'unknown') })
    })
  }
  t.equal(code, 'EAGAIN')
  await t.rejects(removeStaleSocket(path), { code: 'EADDRINUSE' })
  t.equal(existsSync(path), true)
})

test('what is no socket is never removed', async t => {
  const path = socketPath(t)
  writeFileSync(path, 'precious')
  symlinkSync(path, `${path}.link`)
  for (const place of [path, `${path}.link`, join(path, '..')]) {
    await t.rejects(removeStaleSocket(place), { code: 'EADDRINUSE', message: /no socket/ }, place)
  }
  t.equal(readFileSync(path, 'utf8'), 'precious')
})

test('a restricted socket is open to owner and group, and to nobody else', async t => {
  const path = socketPath(t)
  const server = net.createServer().listen({ path, writableAll: true, readableAll: true })
  await once(server, 'listening')
  t.teardown(() => server.close())
  restrictSocket(path)
  t.equal(statSync(path).mode & 0o777, 0o660)
})
