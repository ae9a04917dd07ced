/** Twenty uploads of 20 MB at once, five times, through a proxy in a small box; run.sh makes the box. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import http from 'node:http'
import { startUpstream } from '../support/upstream.ts'

const ROUNDS = 5
const UPLOADS = 20
const BODY = Buffer.alloc(20_000_000, 'x')
const PATH = '/amsu-analysis/v2/things/'

const boxes = String(process.env['SMALL_BOXES']).split(' ')
const command = String(process.env['SMALL_BOX_COMMAND'])

/** Runs the program in the box, as another user, with all file systems read-only. */
const SCRIPT = `
for box in ${boxes.join(' ')}; do echo $$ >$box/cgroup.procs; done
mount -o remount,bind,ro / && ! touch /small-box 2>/dev/null || exit 3
exec setpriv --reuid 1000 --regid 1000 --clear-groups --no-new-privs ${command}
`

async function upload (origin: string): Promise<string> {
  const req = http.request(`${origin}${PATH}`, { method: 'POST', agent: false, headers: { 'content-length': BODY.length } })
  try {
    const response = once(req, 'response') as Promise<[http.IncomingMessage]>
    req.end(BODY)
    const [res] = await response
    let text = ''
    for await (const chunk of res) text += String(chunk)
    return `${String(res.statusCode)} ${text}`
  } catch (error) {
    return String((error as { code?: string }).code)
  }
}

/** What the kernel counts for the box at its peak, in MB. */
function peak (): string {
  const file = ['memory.peak', 'memory.max_usage_in_bytes'].map(name => `${String(boxes[0])}/${name}`).find(existsSync)
  return file === undefined ? 'unknown' : `${(Number(readFileSync(file)) / 2 ** 20).toFixed(1)} MB`
}

const upstream = await startUpstream({
  onHead (req, res) {
    if (req.url !== PATH) return false
    let bytes = 0
    req.on('data', (chunk: Buffer) => { bytes += chunk.length }).on('end', () => { res.end(String(bytes)) })
    return true
  },
})
const child = spawn('unshare', ['--mount', 'bash', '-c', SCRIPT], {
  cwd: '/',
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { PATH: process.env['PATH'], NODE_ENV: 'production', AMSU_CLIENT_ID: 'small-box', AMSU_CLIENT_SECRET: 'small-box-secret', AMSU_BASE_URL: upstream.origin, PORT: '0', LOG_LEVEL: 'info' },
})
const exited = once(child, 'exit') as Promise<[number | null, string | null]>
const origin = await new Promise<string>((resolve, reject) => {
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    if (output.length < 10_000) output += chunk.toString()
    const address = /"address":"([^"]+)"/.exec(output)?.[1]
    if (address !== undefined) resolve(address)
  })
  child.once('exit', (...how) => { reject(new Error(`the program did not start: ${JSON.stringify(how)} ${output}`)) })
})
let bad = 0
for (let round = 1; round <= ROUNDS; round++) {
  const startedMs = performance.now()
  const endings = await Promise.all(Array.from({ length: UPLOADS }, async () => await upload(origin)))
  const wrong = endings.filter(ending => ending !== `200 ${BODY.length}`)
  bad += wrong.length
  console.log(`round ${round}: ${UPLOADS - wrong.length} of ${UPLOADS} arrived in ${((performance.now() - startedMs) / 1000).toFixed(1)} s, peak of the box ${peak()} ${[...new Set(wrong)].join(', ')}`)
}
child.kill('SIGTERM')
const [code, signal] = await exited
await upstream.close()
console.log(`end: ${signal === null ? `exit code ${String(code)}` : `killed by ${signal}`}`)
process.exitCode = bad === 0 && code === 0 ? 0 : 1
