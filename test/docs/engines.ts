/**
 * Commands that need what a test has not: a container engine, a cluster, systemd, or an hour. They are noted by a stand-in instead of
 * run, and checked here by what they name: files, services, settings, scripts, options.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { COMMANDS } from '../../src/commands/usage.ts'
import { settings } from '../../src/config/settings.ts'

/** The programs that have a stand-in. */
export const ENGINES = ['docker', 'kubectl', 'systemctl', 'journalctl', 'npm'] as const

/** What the documents ask of them. */
const KUBECTL_VERBS = ['logs', 'exec', 'apply', 'create', 'set', 'rollout', 'scale', 'get']
const COMPOSE_VERBS = ['up', 'build', 'exec', 'logs', 'kill', 'down', 'ps']
const SYSTEMCTL_VERBS = ['restart', 'reload', 'status', 'daemon-reload', 'enable']

/** What npm does without naming a script. */
const NPM_VERBS = ['ci', 'cit', 'test', 'start']

/** All that is wrong with a command. `cwd` is the project's root, or a copy of it. */
export function problemsOf ([program = '', ...args]: readonly string[], cwd: string): string[] {
  switch (program) {
    case 'docker': return args[0] === 'compose' ? composeProblems(args.slice(1), cwd) : dockerProblems(args, cwd)
    case 'kubectl': return kubectlProblems(args, cwd)
    case 'systemctl': return [...unless(SYSTEMCTL_VERBS.includes(args[0] ?? ''), `verb ${args[0]}`), ...unitsExist(cwd, args.slice(1).filter(arg => !arg.startsWith('-')))]
    case 'journalctl': return unitsExist(cwd, optionValues(args, ['-u']))
    case 'npm': return npmProblems(args, cwd)
    default: return [`no check for ${program}`]
  }
}

function composeProblems (args: readonly string[], cwd: string): string[] {
  const files = optionValues(args, ['-f', '--file'])
  const missing = files.flatMap(file => fileExists(cwd, file))
  if (files.length === 0 || missing.length > 0) return [...missing, ...unless(files.length > 0, 'no compose file')]
  const services = new Set(files.flatMap(file => Object.keys((parse(readFileSync(join(cwd, file), 'utf8'), { merge: true }) as { services: object }).services)))
  const [verb = '', ...rest] = plain(args, ['-f', '--file', '--scale', '-s', '--tail', '--exit-code-from', '--timeout'])
  const scaled = optionValues(args, ['--scale']).map(value => value.replace(/=\d+$/, ''))
  const named = verb === 'exec' ? rest.slice(0, 1) : rest
  return [
    ...unless(COMPOSE_VERBS.includes(verb), `verb ${verb}`),
    ...[...named, ...scaled, ...optionValues(args, ['--exit-code-from'])].flatMap(service => unless(services.has(service), `service ${service}`)),
    ...(verb === 'exec' ? insideProblems(rest.slice(1)) : []),
  ]
}

function dockerProblems (args: readonly string[], cwd: string): string[] {
  const [verb = '', ...rest] = args
  if (verb === 'build') return fileExists(cwd, join(rest.at(-1) ?? '', 'Dockerfile'))
  if (verb === 'stop' || verb === 'rm') return rest.filter(arg => arg.startsWith('amsu-proxy-')).flatMap(name => unless(/^amsu-proxy-amsu-proxy-\d$/.test(name), `container ${name}`))
  if (verb !== 'run') return [`verb ${verb}`]
  const [image = '', ...command] = plain(rest, ['-p', '-v', '-e', '--env-file', '--name', '--memory'])
  const mounted = optionValues(rest, ['-v']).map(volume => volume.split(':')).map(([from = '', to = '']) => ({ from, to }))
  const given = optionValues(rest, ['-e']).map(each => each.split('='))
  return [
    ...unless(image === 'amsu-proxy', `image ${image}`),
    ...unless(command.length === 0 || COMMANDS.some(each => each === command[0]), `command ${command.join(' ')}`),
    ...mounted.flatMap(({ from }) => fileExists('', from)),
    ...optionValues(rest, ['--env-file']).flatMap(file => fileExists(cwd, file === '.env' ? '.env.example' : file)),
    ...given.flatMap(([name = '']) => unless(name in settings, `setting ${name}`)),
    ...given.filter(([name = '']) => name.endsWith('_FILE')).flatMap(([name, path]) => unless(mounted.some(({ to }) => to === path), `${name} names what is not mounted`)),
  ]
}

function kubectlProblems (args: readonly string[], cwd: string): string[] {
  const beforeInside = args.includes('--') ? args.slice(0, args.indexOf('--')) : args
  const [verb = '', ...rest] = plain(beforeInside, ['-n', '-f', '-k', '-o'])
  const folder = join(cwd, 'docker/kubernetes/shared')
  const documents = readdirSync(folder).map(name => parse(readFileSync(join(folder, name), 'utf8')) as { kind: string, namespace?: string, metadata?: { name: string } })
  const isKnown = (kind: string, name: string): boolean => documents.some(document => document.kind.toLowerCase() === kind && document.metadata?.name === name)
  const objects = rest.flatMap(arg => arg.split('/').length === 2 ? [arg.split('/')] : [])
  const secrets = verb === 'create' && rest[0] === 'secret' ? rest.slice(2) : []
  return [
    ...unless(KUBECTL_VERBS.includes(verb), `verb ${verb}`),
    ...optionValues(beforeInside, ['-n']).flatMap(name => unless(documents.some(({ namespace }) => namespace === name), `namespace ${name}`)),
    ...optionValues(beforeInside, ['-f']).filter(path => path !== '-').flatMap(path => fileExists(cwd, path)),
    ...optionValues(beforeInside, ['-k']).flatMap(path => fileExists(cwd, join(path, 'kustomization.yaml'))),
    ...args.filter(arg => arg.startsWith('--from-file=')).flatMap(arg => fileExists(cwd, arg.split('=')[2] ?? '')),
    ...objects.flatMap(([kind = '', name = '']) => unless(isKnown(kind, name), `${kind}/${name}`)),
    ...(verb === 'get' && rest[0] === 'hpa' ? unless(isKnown('horizontalpodautoscaler', rest[1] ?? ''), `autoscaler ${rest[1]}`) : []),
    ...secrets.flatMap(name => unless(readFileSync(join(folder, 'deployment.yaml'), 'utf8').includes(`secretName: ${name},`), `secret ${name}`)),
    ...(args.includes('--') ? insideProblems(args.slice(args.indexOf('--') + 1)) : []),
  ]
}

/** What is run inside of our container: there is Node.js, and the program where the image has it. */
function insideProblems ([program, path, command = 'serve']: readonly string[]): string[] {
  return unless(program === 'node' && path === '/app/dist/main.js' && COMMANDS.some(each => each === command), `${program} ${path} ${command} in the image`)
}

function npmProblems (args: readonly string[], cwd: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  const [verb = '', name = ''] = args
  if (verb !== 'run') return unless(NPM_VERBS.includes(verb), `npm ${verb}`)
  const folder = /(test\/\w[\w-]*)\/main\.ts/.exec(scripts[name] ?? '')?.[1]
  const options = args.slice(2).filter(arg => arg.startsWith('--') && arg !== '--').map(option => option.slice(2))
  const sources = folder === undefined ? '' : readdirSync(join(cwd, folder), { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts')).map(file => readFileSync(join(cwd, folder, file), 'utf8')).join('\n')
  return [
    ...unless(name in scripts, `npm run ${name}`),
    ...options.flatMap(option => unless(new RegExp(`\\b${option}\\b`).test(sources), `option --${option} of npm run ${name}`)),
  ]
}

function unitsExist (cwd: string, units: readonly string[]): string[] {
  return units.flatMap(unit => fileExists(cwd, `docker/systemd/${unit}.service`))
}

/** The values of the options with these names. */
function optionValues (args: readonly string[], names: readonly string[]): string[] {
  return args.flatMap((arg, i) => names.includes(arg) ? [args[i + 1] ?? ''] : [])
}

/** The arguments that are neither options nor values of those that take one. */
function plain (args: readonly string[], withValue: readonly string[]): string[] {
  return args.filter((arg, i) => !arg.startsWith('-') && !withValue.includes(args[i - 1] ?? ''))
}

function fileExists (cwd: string, path: string): string[] {
  return unless(path !== '' && existsSync(join(cwd, path)), `no file ${path}`)
}

function unless (isSo: boolean, problem: string): string[] {
  return isSo ? [] : [problem]
}
