// The house rules a machine can hold: style by neostandard, promises and exhaustiveness by type, and the import arrows of
// docs/internals/decisions/0001-house.md (a pure core per folder, one plugin.ts that knows Fastify, nobody looks back up).
import neostandard from 'neostandard'
import tseslint from 'typescript-eslint'

const fastify = { group: ['fastify', 'fastify-plugin', '@fastify/*'], message: 'Only server/server.ts and */plugin.ts import Fastify.' }
const node = { name: 'process', message: 'Only main.ts touches the process.' }

/**
 * One arrow of the house: files of `folder` may not import what `patterns` match.
 *
 * @param {string} folder the folder under src/
 * @param {string[]} others folders it must not know
 * @returns {import('eslint').Linter.Config[]}
 */
function arrow (folder, others) {
  const up = others.map(other => ({ group: [`**/${other}/**`, `../${other}`], message: `${folder}/ does not know ${other}/.` }))
  return [
    { files: [`src/${folder}/**/*.ts`], ignores: ['**/plugin.ts'], rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [...up, fastify] }] } },
    { files: [`src/${folder}/plugin.ts`], rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: up }] } },
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
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [fastify], paths: [{ name: 'node:process', message: node.message }] }] },
  },
  { files: ['src/server/server.ts', 'src/*/plugin.ts'], rules: { '@typescript-eslint/no-restricted-imports': 'off' } },
  ...arrow('config', ['token', 'report', 'commands']), // it calls the pure parsers of callers/, relay/ and upstream/
  ...arrow('secrets', ['config', 'token', 'callers', 'upstream', 'relay', 'report', 'commands']),
  ...arrow('token', ['config', 'callers', 'relay', 'report', 'commands']),
  ...arrow('callers', ['config', 'token', 'upstream', 'relay', 'report', 'commands']),
  ...arrow('upstream', ['config', 'token', 'callers', 'relay', 'report', 'commands']),
  ...arrow('relay', ['config', 'callers', 'report', 'commands']),
  ...arrow('report', ['config', 'callers', 'commands']),
]
