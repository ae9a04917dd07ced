/**
 * Makes dist/ out of src/: one file with everything that serving needs, so that a start reads one file instead of 400, and an
 * image needs no node_modules (docs/internals/decisions/0009-bundle.md has the figures). Nothing is renamed, so stacks and profiles read
 * as the source does, and the source map beside it holds the rest.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { build, type Metafile, type Plugin } from 'esbuild'
import { jsonSchema } from './src/config/validation.ts'
import { pageAssets } from './src/endpoints/status-page/assets.ts'

/**
 * What a package, or Node, does at its start although we never need it. The code is its own in every case; only what is loaded,
 * and with which options, is decided here. test/bundle.test.ts holds each against what it shortens.
 */
export const LEAN = {
  // @fastify/reply-from would make connections with it, and TLS that verifies nothing (CVE-2026-107318). It makes none: http-proxy only
  // mounts routes, and is given something else to call. It looks at these classes to find that out; whoever makes one has a defect.
  undici: {
    importer: /node_modules[\\/]@fastify[\\/]reply-from[\\/]/,
    contents: `
      class Absent { constructor () { throw new Error('undici is no part of this program') } }
      module.exports = {
        Agent: Absent,
        BalancedPool: Absent,
        Client: Absent,
        Dispatcher: Absent,
        Pool: Absent,
        ProxyAgent: Absent,
        getGlobalDispatcher: () => new Absent(),
      }`,
  },
  // env-schema has ajv compile two schemas at every start, a third of its time; both are constant. Here ajv has done so beforehand.
  ajv: {
    importer: /node_modules[\\/]env-schema[\\/]/,
    contents: `
      const validateSettings = (module => { ${compiledSettings()}; return module.exports })({})
      module.exports = class {
        // Of the options of envSchema(): ours are always the same.
        compile () { return () => true }
        validate (schema, data) {
          const isValid = validateSettings(data)
          this.errors = validateSettings.errors
          return isValid
        }
        errorsText (errors) { return errors.map(({ instancePath, message }) => instancePath + ' ' + message).join(', ') }
      }`,
  },
  // Since Node 22 an `import` of it reads every export, and one of them is a getter that loads a WebSocket. A require() reads none.
  'node:http': {
    importer: /(?:)/,
    contents: "module.exports = require('node:http')",
  },
  // It loads TLS, 4 to 6 MiB, which is not needed without https on either side. reply-from makes an agent at its start and never uses it.
  'node:https': {
    importer: /node_modules[\\/](?:@fastify[\\/]reply-from|fastify)[\\/]/,
    contents: `
      module.exports = {
        Agent: class {},
        get createServer () { return require('node:https').createServer },
      }`,
  },
  // prom-client could push metrics, and loads TLS for that.
  https: {
    importer: /node_modules[\\/]prom-client[\\/]/,
    contents: 'module.exports = {}',
  },
  // Needed with the first scrape, if there is one; run then, from what was read at the start, because later no descriptor may be free.
  'prom-client': {
    importer: /(?:)/,
    contents: `
      module.exports = {
        get Counter () { return require('prom-client').Counter },
        get Gauge () { return require('prom-client').Gauge },
        get Registry () { return require('prom-client').Registry },
        get collectDefaultMetrics () { return require('prom-client').collectDefaultMetrics },
      }`,
  },
  // Nothing here speaks HTTP/2, but whoever could loads Node's.
  'node:http2': {
    importer: /(?:)/,
    contents: 'module.exports = { constants: {} }',
  },
  // Of all about versions Fastify asks whether its own is in the range of a plugin, and whether it is a release candidate.
  semver: {
    importer: /node_modules[\\/]fastify[\\/]/,
    contents: `
      module.exports = {
        satisfies: require('semver/functions/satisfies'),
        gt: require('semver/functions/gt'),
        coerce: require('semver/functions/coerce'),
      }`,
  },
  // For routes with schemas, for requests without a network, and for WebSockets. There are none.
  '@fastify/ajv-compiler': leftOut('() => undefined'),
  '@fastify/fast-json-stringify-compiler': leftOut('() => undefined'),
  'light-my-request': leftOut('undefined'),
  ws: leftOut('{}'),
} satisfies Record<string, ShortForm>

interface ShortForm {
  /** Whose imports get it. */
  readonly importer: RegExp
  /** The code, in CommonJS. */
  readonly contents: string
}

/** Stands for a package that is asked for and never used. */
function leftOut (value: string): ShortForm {
  return { importer: /node_modules[\\/](?:@fastify[\\/]http-proxy|fastify)[\\/]/, contents: `module.exports = ${value}` }
}

/** The check of settings as ajv compiles it for env-schema, with the options that env-schema gives it; code in CommonJS. */
function compiledSettings (): string {
  const require = createRequire(createRequire(import.meta.url).resolve('env-schema'))
  const { Ajv } = require('ajv') as { Ajv: new (options: object) => { compile: (schema: object) => unknown } }
  const standalone = require('ajv/dist/standalone') as { default: (ajv: object, validate: unknown) => string }
  const ajv = new Ajv({ allErrors: true, removeAdditional: true, useDefaults: true, coerceTypes: true, allowUnionTypes: true, code: { source: true } })
  return standalone.default(ajv, ajv.compile({ ...jsonSchema(), additionalProperties: false }))
}

/** Gives the importers of a module its short form. */
const lean: Plugin = {
  name: 'lean',
  setup ({ onResolve, onLoad }) {
    for (const [name, { importer: pattern, contents }] of Object.entries<ShortForm>(LEAN)) {
      onResolve({ filter: new RegExp(`^${name}$`), namespace: 'file' }, ({ path, importer }) => pattern.test(importer) ? { path, namespace: 'lean' } : undefined)
      onLoad({ filter: new RegExp(`^${name}$`), namespace: 'lean' }, () => ({ contents, resolveDir: import.meta.dirname }))
    }
  },
}

/** Bundles the compiled script and style of the status page in place of the module that compiles them. */
const compiledPage: Plugin = {
  name: 'compiled-page',
  setup ({ onLoad }) {
    const contents = `const assets = ${JSON.stringify(pageAssets())}\nexport const pageAssets = () => assets`
    onLoad({ filter: /[\\/]status-page[\\/]assets\.ts$/ }, () => ({ contents }))
  },
}

/**
 * Removes what was built before and builds anew.
 *
 * @param outdir the folder to build into
 * @returns the folders of the packages whose code went in
 */
export async function bundle (outdir: string): Promise<string[]> {
  rmSync(outdir, { recursive: true, force: true })
  const { metafile } = await build({
    entryPoints: ['src/main.ts'],
    outdir,
    bundle: true,
    // What only another command or a terminal needs is a file of its own, and read then.
    splitting: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    plugins: [lean, compiledPage],
    // CommonJS packages ask for Node's own modules with require().
    banner: { js: "import{createRequire as amsuProxyRequire}from'node:module';const require=amsuProxyRequire(import.meta.url);" },
  })
  const packages = bundledPackages(metafile)
  writeFileSync(`${outdir}/THIRD-PARTY-LICENSES.txt`, packages.map(licenseOf).join(`\n${'-'.repeat(80)}\n`))
  return packages
}

/** Folders of the packages whose code is in what was built. */
function bundledPackages ({ outputs }: Metafile): string[] {
  const files = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs))
  const folders = files.map(file => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter(folder => folder !== undefined)
  return [...new Set(folders)].sort()
}

/** What the license of a package asks to be shipped with it. */
function licenseOf (folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { name: string, version: string, license?: string }
  const file = readdirSync(folder).find(entry => /^licen[cs]e(\.|$)/i.test(entry))
  const text = file === undefined ? '' : `\n${readFileSync(`${folder}/${file}`, 'utf8').trim()}\n`
  return `${name} ${version} (${license ?? 'see the text'})\n${text}`
}

if (process.argv[1] === import.meta.filename) await bundle('dist')
