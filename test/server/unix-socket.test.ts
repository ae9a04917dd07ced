import { test, type Test } from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { listenRestricted } from '../../src/server/unix-socket.ts'

/** Listens and reports that; then it handles its signals. */
const LISTENER = 'require("net").createServer().listen({ path: process.argv[1], backlog: 1 }, () => console.log("listening"))'

/** A path short enough for a socket, wherever the checkout is. */
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

/** Listens as the proxy does, with a server of this test; `atBirth` runs before the socket is moved to its path. */
async function listen (t: Test, path: string, atBirth = (_made: string): void => {}): Promise<{ server: net.Server, remove: () => void }> {
  const server = net.createServer(socket => socket.end('hello'))
  t.teardown(() => server.close())
  const remove = await listenRestricted(path, async made => {
    await once(server.listen(made), 'listening')
    atBirth(made)
  })
  return { server, remove }
}

async function greeting (path: string): Promise<string> {
  const [hello] = await once(net.connect(path), 'data') as [Buffer]
  return hello.toString()
}

test('a socket is open to owner and group only, from its first moment on, whatever the umask', async t => {
  const path = socketPath(t)
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  // A thread that only polls: it would see a mode that is corrected a moment later.
  const isOver = new Int32Array(new SharedArrayBuffer(4))
  const watcher = new Worker(`
    const { statSync } = require('node:fs')
    const { parentPort, workerData: { path, isOver } } = require('node:worker_threads')
    const modes = new Set()
    parentPort.postMessage('ready')
    while (Atomics.load(isOver, 0) === 0) {
      const stats = statSync(path, { throwIfNoEntry: false })
      if (stats !== undefined) modes.add(stats.mode & 0o777)
    }
    parentPort.postMessage([...modes])`, { eval: true, execArgv: [], workerData: { path, isOver } })
  await once(watcher, 'message')
  const places: Array<[string, number]> = []
  const { server, remove } = await listen(t, path, made => { places.push([made, statSync(dirname(made)).mode & 0o777]) })
  t.equal(await greeting(path), 'hello')
  t.equal(statSync(path).mode & 0o777, 0o660)
  Atomics.store(isOver, 0, 1)
  t.strictSame((await once(watcher, 'message'))[0], [0o660], 'no other mode was ever seen')
  t.not(places[0]?.[0], path)
  t.equal(places[0]?.[1], 0o700, 'it was made where only the owner can go')
  t.strictSame(readdirSync(dirname(path)), ['s.sock'], 'nothing else is left')
  server.close()
  remove()
  t.equal(existsSync(path), false)
})

test('what a killed process has left behind is replaced', async t => {
  const path = socketPath(t)
  const { end } = await startListener(t, path)
  await end()
  t.equal(existsSync(path), true)
  await listen(t, path)
  t.equal(await greeting(path), 'hello')
})

test('of two processes that start at once one listens, and the other reports that', async t => {
  const path = socketPath(t)
  const first = net.createServer(socket => socket.end('first'))
  t.teardown(() => first.close())
  await t.rejects(listen(t, path, () => { first.listen(path) }), { code: 'EADDRINUSE', message: /listens/ })
  t.equal(await greeting(path), 'first')
  t.strictSame(readdirSync(dirname(path)), ['s.sock'])
})

test('the socket of a successor is not removed with one’s own', async t => {
  const path = socketPath(t)
  const { remove } = await listen(t, path)
  renameSync(path, `${path}.old`)
  await listen(t, path)
  remove()
  t.equal(await greeting(path), 'hello')
})

test('a socket on which another process listens is not touched', async t => {
  const path = socketPath(t)
  const server = net.createServer().listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  await t.rejects(listen(t, path), { code: 'EADDRINUSE', message: /listens/ })
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
  await t.rejects(listen(t, path), { code: 'EADDRINUSE' })
  t.equal(existsSync(path), true)
})

test('what is no socket is never removed', async t => {
  const path = socketPath(t)
  writeFileSync(path, 'precious')
  symlinkSync(path, `${path}.link`)
  for (const place of [path, `${path}.link`, join(path, '..')]) {
    await t.rejects(listen(t, place), { code: 'EADDRINUSE', message: /not a socket/ }, place)
  }
  t.equal(readFileSync(path, 'utf8'), 'precious')
})

test('a path to which no client could connect is rejected', async t => {
  const path = socketPath(t)
  const room = 107 - Buffer.byteLength(path)
  await t.rejects(listen(t, `${path}${'x'.repeat(room + 1)}`), { code: 'ENAMETOOLONG' })
  await listen(t, `${path}${'x'.repeat(room)}`)
  t.equal(await greeting(`${path}${'x'.repeat(room)}`), 'hello')
})
