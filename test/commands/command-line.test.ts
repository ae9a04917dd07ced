import { test } from 'tap'
import { parseCommandLine } from '../../src/commands/command-line.ts'
import { COMMANDS, usage } from '../../src/commands/usage.ts'

test('each command is read with its options, and serve is what nothing means', async t => {
  for (const [line, expected] of [
    ['', { command: 'serve' }],
    ['serve', { command: 'serve' }],
    ['check', { command: 'check', isJson: false }],
    ['check --json', { command: 'check', isJson: true }],
    ['healthcheck', { command: 'healthcheck' }],
    ['wait', { command: 'wait', timeoutMs: 30_000 }],
    ['wait --timeout 120', { command: 'wait', timeoutMs: 120_000 }],
    ['wait --timeout=0', { command: 'wait', timeoutMs: 0 }],
    ['wait --timeout 0.25', { command: 'wait', timeoutMs: 250 }],
    ['--version', { command: 'version' }],
    ['--help', { command: 'help', topic: undefined }],
    ['-h', { command: 'help', topic: undefined }],
    ['help', { command: 'help', topic: undefined }],
    ['help wait', { command: 'help', topic: 'wait' }],
    ['check --help', { command: 'help', topic: 'check' }],
    ['check --json -h', { command: 'help', topic: 'check' }],
    ['serve --help', { command: 'help', topic: 'serve' }],
    ['wait --timeout x --help', { command: 'help', topic: 'wait' }],
  ] as const) t.strictSame(parseCommandLine(line.split(' ').filter(word => word !== '')), expected, line)
})

test('wrong usage gets the nearest valid word as a suggestion, and the error repeats no argument', async t => {
  for (const [line, problem] of [
    ['srve', 'unknown command; did you mean serve?'],
    ['chek', 'unknown command; did you mean check?'],
    ['health-check', 'unknown command; did you mean healthcheck?'],
    ['--versoin', 'unknown option; did you mean --version?'],
    ['serve now', 'amsu-proxy serve takes no arguments'],
    ['healthcheck --json', 'amsu-proxy healthcheck takes no arguments'],
    ['check --jsn', 'amsu-proxy check: unknown option; did you mean --json?'],
    ['check now', 'amsu-proxy check: unknown argument; did you mean --json?'],
    ['wait 5', 'amsu-proxy wait: unknown argument; did you mean --timeout?'],
    ['wait --time 5', 'amsu-proxy wait: unknown option; did you mean --timeout?'],
    ['wait --timeout', '--timeout must be a number of seconds from 0 to 86400'],
    ['wait --timeout -1', '--timeout must be a number of seconds from 0 to 86400'],
    ['wait --timeout=1e3', '--timeout must be a number of seconds from 0 to 86400'],
    ['wait --timeout 86401', '--timeout must be a number of seconds from 0 to 86400'],
    ['wait --timeout 5 6', 'amsu-proxy wait: unknown argument; did you mean --timeout?'],
    ['help chek', 'amsu-proxy help: unknown command; did you mean check?'],
    ['help check now', 'amsu-proxy help takes one command'],
  ] as const) {
    const read = parseCommandLine(line.split(' '))
    t.match(read, { command: 'usage_error', problem }, line)
  }
  t.notMatch(JSON.stringify(parseCommandLine(['value-never-shown', 'value-never-shown'])), /never-shown/)
})

test('every command has its own help with examples, in lines that fit a terminal', async t => {
  for (const topic of [undefined, ...COMMANDS]) {
    const text = usage(topic)
    t.match(text, /^Usage: amsu-proxy[^]*\nExamples:\n {2}[^]*\n$/)
    for (const line of text.split('\n')) t.match(line, /^[\x20-\x7e]{0,100}$/)
  }
  for (const command of COMMANDS) t.match(usage(), new RegExp(`^ {2}${command} `, 'm'))
})
