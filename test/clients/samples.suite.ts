/**
 * Proves that the vendor's samples run through the proxy as they are printed, with nothing changed but the origin. Around a sample stands
 * only what makes a program of it. Run by run.sh.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { check } from '../support/check.ts'
import { setProxyStage, type ProxyStage } from './stage.ts'

const AMSU = 'http://api.amsu-new.com'
const FOLDER = fileURLToPath(new URL('samples/', import.meta.url))
const COMPILE = fileURLToPath(new URL('gnustep/compile.sh', import.meta.url))
/** Milliseconds that one may take, its compilation included. */
const LIMIT_MS = 60_000

const run = promisify(execFile)

/** By the language of its fence: how a sample becomes a program in a folder, and is run. Resolves to all it wrote. */
const languages: Record<string, (sample: string, folder: string) => Promise<string>> = {
  async java (sample, folder) {
    const file = join(folder, 'Sample.java')
    await writeFile(file, `import okhttp3.*;\nclass Sample { public static void main(String[] args) throws Exception {\n${sample}System.out.println(response.body().string());\n} }\n`)
    return await outputOf('java', ['-cp', classpath, file])
  },
  async objectivec (sample, folder) {
    const [, imports = '', statements = ''] = /^((?:#import.*\n|\n)*)([^]*)$/.exec(sample) ?? []
    const file = join(folder, 'sample.m')
    await writeFile(file, `${imports}int main(void) {\nNSAutoreleasePool *pool = [NSAutoreleasePool new];\n${statements}[pool drain];\nreturn 0;\n}\n`)
    await outputOf('bash', [COMPILE, file, join(folder, 'sample')])
    return await outputOf(join(folder, 'sample'), [])
  },
  async js (sample, folder) {
    await writeFile(join(folder, 'sample.cjs'), sample)
    return await outputOf(process.execPath, [join(folder, 'sample.cjs')])
  },
  async python (sample, folder) {
    await writeFile(join(folder, 'sample.py'), sample)
    return await outputOf('/usr/bin/python3', [join(folder, 'sample.py')])
  },
}

async function outputOf (command: string, args: string[]): Promise<string> {
  const { stdout, stderr } = await run(command, args, { timeout: LIMIT_MS })
  return `${stdout}${stderr}`
}

async function runSamples (page: string, stage: ProxyStage): Promise<void> {
  const samples = [...(await readFile(join(FOLDER, page), 'utf8')).matchAll(/^```(\w+)\n([^]*?)^```$/gm)]
  assert.deepEqual(samples.map(([, language]) => language), Object.keys(languages), 'the page has all four')
  for (const [, language = '', sample = ''] of samples) {
    await check(`${page}: ${language}`, async () => {
      assert.equal(sample.split(AMSU).length, 2, 'the origin stands in it once')
      const folder = join(scratch, `${page}-${language}`)
      await mkdir(folder)
      const output = await languages[language]?.(sample.replace(AMSU, stage.baseUrl), folder) ?? ''
      for (const [name, value] of Object.entries({ access_token: '[\\w.-]{20,}', token_type: 'bearer', expires_in: '86400', refresh_token: '[\\w.-]{20,}' })) {
        assert.match(output, new RegExp(`"?${name}"?\\s*[:=]\\s*"?${value}`))
      }
    })
  }
}

const [classpath = '', scratch = ''] = process.argv.slice(2)
if (scratch === '') throw new Error('usage: samples.suite.ts CLASSPATH SCRATCH; run.sh knows what')
const ends: Array<() => Promise<void>> = []
try {
  const stage = await setProxyStage({}, end => { ends.push(end) })
  for (const page of await readdir(FOLDER)) await runSamples(page, stage)
  await check('the samples never reach AMSU, and none of its tokens reaches them', () => {
    assert.equal(stage.simulator.issueCount, 1)
    assert.deepEqual(stage.leaked(), [])
    return Promise.resolve()
  })
} finally {
  for (const end of ends.reverse()) await end()
}
