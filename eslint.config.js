// The rules a machine can check: style by neostandard, promises and exhaustiveness by type, and the import arrows of
// docs/internals/decisions/0001-structure.md (a pure core per folder, one plugin.ts that knows Fastify, nobody looks back up).
import { readdirSync } from 'node:fs'
import neostandard from 'neostandard'
import tseslint from 'typescript-eslint'

const fastify = { group: ['fastify', 'fastify-plugin', '@fastify/*'], message: 'Only server/server.ts and */plugin.ts import Fastify.' }
const node = { name: 'process', message: 'Only main.ts touches the process.' }
const paths = [{ name: 'node:process', message: node.message }]

/** The folders of src/. */
const folders = readdirSync(new URL('src/', import.meta.url), { withFileTypes: true }).filter(entry => entry.isDirectory()).map(({ name }) => name)

/**
 * What a folder may import: the folders it knows, and of the files beside the folders `chunk-joiner.ts`, `clock.ts` and `errors.ts`.
 *
 * @param {string} folder the folder under src/
 * @param {string[]} known folders it knows
 * @param {string[]} files further files of src/ it knows
 * @returns {import('eslint').Linter.Config[]}
 */
function arrow (folder, known, files = []) {
  const unknown = folders.filter(other => other !== folder && !known.includes(other))
  const up = unknown.map(other => ({ group: [`../${other}/**`, `../../${other}/**`], message: `${folder}/ does not know ${other}/.` }))
  const top = { group: ['main', 'program', 'app', 'lifecycle', 'rotation'].filter(name => !files.includes(`${name}.ts`)).flatMap(name => [`../${name}.ts`, `../../${name}.ts`]), message: `${folder}/ is a part, and does not know what is built of it.` }
  const patterns = [...up, top]
  return [
    { files: [`src/${folder}/**/*.ts`], ignores: ['src/server/server.ts', '**/plugin.ts'], rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [...patterns, fastify], paths }] } },
    { files: [`src/${folder}/plugin.ts`, 'src/server/server.ts'].filter(file => file.startsWith(`src/${folder}/`)), rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns, paths }] } },
  ]
}

export default [
  ...neostandard({ ts: true, ignores: ['dist/', '.tap/', 'coverage/'] }),
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'esbuild.config.ts'],
    plugins: { ts: tseslint.plugin },
    languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'ts/no-floating-promises': ['error', { allowForKnownSafeCalls: [{ from: 'package', package: 'tap', name: ['test'] }, { from: 'package', package: '@tapjs/core', name: ['test'] }, { from: 'package', package: 'node:test', name: ['test', 'before', 'after'] }] }],
      'ts/no-misused-promises': 'error',
      'ts/switch-exhaustiveness-check': 'error',
      'ts/prefer-nullish-coalescing': 'error',
      'ts/no-explicit-any': 'error',
      'ts/consistent-type-imports': 'error',
      'max-lines': ['error', 250],
      'max-lines-per-function': ['error', { max: 40, skipComments: true, skipBlankLines: true }],
      'no-restricted-globals': ['error', node],
    },
  },
  { files: ['test/**/*.ts', 'esbuild.config.ts'], rules: { 'max-lines-per-function': 'off', 'no-restricted-globals': 'off' } },
  { files: ['src/main.ts'], rules: { 'no-restricted-globals': 'off' } },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/main.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [fastify], paths }] },
  },
  ...arrow('secrets', []),
  ...arrow('upstream', ['secrets']),
  ...arrow('amsu', ['secrets', 'upstream']),
  ...arrow('token', ['amsu', 'secrets']),
  ...arrow('guards', ['upstream']),
  ...arrow('callers', ['secrets']),
  ...arrow('relay', ['amsu', 'guards', 'token', 'upstream']),
  ...arrow('config', ['callers', 'guards', 'secrets', 'upstream']), // it calls the pure parsers of those that use a setting
  ...arrow('server', ['config', 'guards', 'relay']),
  ...arrow('telemetry', ['amsu', 'relay', 'token']),
  ...arrow('logging', ['relay', 'secrets']),
  ...arrow('endpoints', ['amsu', 'telemetry', 'token']),
  ...arrow('commands', folders, ['app.ts']),
]
