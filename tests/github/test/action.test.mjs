// The shell of the action, run by a real bash.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { ROOT, Runner, action } from './jobs.mjs';
import { TOKEN, start } from './stand-in.mjs';

function called(given, options) {
  const runner = new Runner();
  runner.fakeFlaky(options);
  const ended = runner.act(given);
  return { runner, ended };
}

test('a run without inputs is told on GitHub and written as JSON', () => {
  const { runner } = called({});
  const json = join(runner.folder, 'temp/flaky-report.json');
  assert.deepEqual(runner.arguments, ['run', '--to=github', `--report=json=${json}`]);
  assert.equal(runner.read('token'), 'unset');
});

test('every input becomes one argument, whatever is in it', () => {
  const hostile = '$(touch pwned) `touch pwned` "; touch pwned; \' --report=x\ntouch pwned';
  const runner = new Runner();
  runner.fakeFlaky();
  // What a `*` must not become.
  writeFileSync(join(runner.folder, 'work/a file'), '');
  runner.act({ command: hostile, runs: '-5', base: '--help', to: 'github, slack  *\njson', 'fail-on': 'broken', isolation: 'copy', config: 'a b.yml', parallelism: '4', budget: '5m' });
  const json = join(runner.folder, 'temp/flaky-report.json');
  assert.deepEqual(runner.arguments, [
    'run', `--test-command=${hostile}`, '--runs=-5', '--parallelism=4', '--budget=5m', '--base=--help', '--fail-on=broken', '--config=a b.yml', '--isolation=copy',
    '--to=github', '--to=slack', '--to=*', '--to=json', `--report=json=${json}`,
  ]);
  assert.equal(existsSync(join(runner.folder, 'work/pwned')), false);
});

test('reports come one a line, and the JSON goes where it is asked for', () => {
  const { runner } = called({ to: '', report: '  junit=out/junit.xml \n\n json=my report.json\r\n' });
  assert.deepEqual(runner.arguments, ['run', '--report=junit=out/junit.xml', '--report=json=my report.json']);
});

test('the exit code is flaky\'s own, and the report can be had also when it failed', () => {
  for (const status of [0, 10, 11, 12, 13, 20]) {
    const { runner, ended } = called({ report: 'json=report.json' }, { status, writes: 'echo {} >report.json' });
    assert.equal(ended.status, status);
    assert.equal(runner.read('output'), `report=${join(runner.folder, 'work/report.json')}\n`);
  }
  const { runner } = called({}, { status: 2 });
  assert.equal(runner.read('output'), '');
});

test('it runs in the working directory, and a missing one is an error', () => {
  const runner = new Runner();
  runner.fakeFlaky();
  mkdirSync(join(runner.folder, 'work/-sub dir'));
  assert.equal(runner.act({ 'working-directory': '-sub dir' }).status, 0);
  assert.equal(runner.read('cwd').trim(), join(runner.folder, 'work/-sub dir'));
  assert.notEqual(called({ 'working-directory': 'nowhere' }).ended.status, 0);
});

test('an untrusted report is held against all three expectations or not told at all', () => {
  const whole = { mode: 'report', file: '-r.json', 'expect-repo': 'acme/shop', 'expect-sha': 'a', 'expect-run': '1' };
  assert.deepEqual(called(whole).runner.arguments.slice(-1), ['-r.json']);
  for (const name of ['expect-repo', 'expect-sha', 'expect-run']) {
    const { runner, ended } = called({ ...whole, [name]: '' });
    assert.equal(ended.status, 2);
    assert.equal(runner.arguments, null);
  }
  assert.equal(called({ mode: 'report' }).ended.status, 2);
});

test('a mode or an isolation that is none is an error', () => {
  assert.match(called({ mode: 'play' }).ended.text, /::error title=flaky::mode is/);
  assert.match(called({ isolation: 'full' }).ended.text, /::error title=flaky::isolation is/);
});

test('sudo allows user namespaces only where they are forbidden', () => {
  for (const [now, expected] of [['1', '-n sysctl -q -w kernel.apparmor_restrict_unprivileged_userns=0'], ['0', '']]) {
    const runner = new Runner();
    runner.fakeFlaky();
    runner.program('sysctl', `echo ${now}`);
    runner.program('sudo', `printf '%s\\n' "$*" >'${runner.folder}/sudo'`);
    assert.equal(runner.act({ isolation: 'sudo' }).status, 0);
    assert.equal(existsSync(join(runner.folder, 'sudo')) ? runner.read('sudo').trim() : '', expected);
    assert.ok(!runner.arguments.some((argument) => argument.startsWith('--isolation')));
  }
  const runner = new Runner();
  runner.fakeFlaky();
  runner.program('sysctl', 'echo 1');
  runner.program('sudo', 'exit 1');
  assert.match(runner.act({ isolation: 'sudo' }).text, /::warning title=flaky::user namespaces/);
});

test('inputs reach the shell by the environment alone', () => {
  for (const step of action().runs.steps) assert.doesNotMatch(step.run, /\$\{\{/);
});

// --- Installing.

/** The action with checksums of its own, and a release that a stand-in for curl hands out. */
function release({ listed, made = (folder) => writeFileSync(join(folder, 'flaky'), '#!/bin/sh\necho flaky 1.2.3\n', { mode: 0o755 }), arch = 'X64' } = {}) {
  const runner = new Runner();
  const root = join(runner.folder, 'action-root');
  cpSync(join(ROOT, 'action'), join(root, 'action'), { recursive: true });
  const content = join(runner.folder, 'content');
  mkdirSync(content);
  made(content);
  const archive = join(runner.folder, 'release.tar.gz');
  spawnSync('tar', ['-czf', archive, '-C', content, 'flaky']);
  const sum = createHash('sha256').update(readFileSync(archive)).digest('hex');
  const file = 'flaky-1.2.3-x86_64-unknown-linux-musl.tar.gz';
  writeFileSync(join(root, 'action/checksums.txt'), `# comment 1.2.3 ${file}\n${listed ?? sum}  1.2.3  ${file}\n`);
  runner.program('curl', `printf '%s\\n' "$@" >'${runner.folder}/curl'\nwhile [ "$1" != --output ]; do shift; done\ncp '${archive}' "$2"`);
  const install = (version = '1.2.3') =>
    runner.bash(action().runs.steps[0].run, { GITHUB_ACTION_PATH: root, IN_VERSION: version, RUNNER_ARCH: arch });
  return { runner, install };
}

test('a released binary is installed by its sha256 and put on the path', () => {
  const { runner, install } = release();
  const ended = install();
  assert.deepEqual([ended.status, ended.text], [0, 'flaky 1.2.3\n']);
  assert.equal(runner.read('path'), `${join(runner.folder, 'temp/flaky-1.2.3')}\n`);
  const asked = runner.read('curl').split('\n');
  assert.ok(asked.includes('https://github.com/flaky-rs/flaky/releases/download/v1.2.3/flaky-1.2.3-x86_64-unknown-linux-musl.tar.gz'));
  assert.ok(asked.includes('=https'));
});

test('a binary with another sha256 is never unpacked', () => {
  const { runner, install } = release({ listed: '0'.repeat(64) });
  const ended = install();
  assert.equal(ended.status, 1);
  assert.match(ended.text, /its sha256 is another/);
  assert.equal(existsSync(join(runner.folder, 'temp/flaky-1.2.3/flaky')), false);
  assert.equal(runner.read('path'), '');
});

test('a version or machine without a released binary is told, and nothing is downloaded', () => {
  for (const [options, version, told] of [[{}, '9.9.9', /no released binary for this version yet/], [{}, '1.2.3; id', /not of the form/], [{ arch: 'X86' }, '1.2.3', /x64 and arm64/], [{ arch: 'ARM64' }, '1.2.3', /no released binary/]]) {
    const { runner, install } = release(options);
    const ended = install(version);
    assert.equal(ended.status, 1);
    assert.match(ended.text, told);
    assert.equal(existsSync(join(runner.folder, 'curl')), false);
  }
});

test('an archive whose program is a link is refused', () => {
  const { install } = release({ made: (folder) => symlinkSync('/bin/true', join(folder, 'flaky')) });
  assert.match(install().text, /holds no program/);
});

test('of the version of the workspace there is no release yet, and the action says so', () => {
  const [, version] = /\[workspace\.package\]\nversion = "(.+)"/.exec(readFileSync(join(ROOT, 'Cargo.toml'), 'utf8'));
  assert.equal(action().inputs.version.default, version);
  const listed = readFileSync(join(ROOT, 'action/checksums.txt'), 'utf8').split('\n').filter((line) => line && !line.startsWith('#'));
  // Whatever is listed is whole; as long as nothing is, the action fails by name.
  for (const line of listed) assert.match(line, /^[0-9a-f]{64} {2}\d+\.\d+\.\d+ {2}flaky-\d+\.\d+\.\d+-[a-z0-9_]+-unknown-linux-musl\.tar\.gz$/);
  if (listed.some((line) => line.includes(` ${version} `))) return;
  const ended = new Runner().bash(action().runs.steps[0].run, { GITHUB_ACTION_PATH: ROOT, IN_VERSION: version });
  assert.match(ended.text, /no released binary for this version yet/);
});

// --- The issue.

let github;
before(async () => {
  github = await start();
});
after(() => github.stop());

/** Calls the action with mode `issue` against the stand-in. */
async function issue(given, { text = '# Flaky\n\n`a::b` 3/60\n', token = TOKEN } = {}) {
  const runner = new Runner();
  const file = join(runner.folder, 'report.md');
  writeFileSync(file, text);
  return runner.act({ mode: 'issue', file, token, ...given }, { GITHUB_API_URL: github.base });
}
const fresh = async (...things) => {
  await github.forget();
  await github.add({ kind: 'repository', full_name: 'acme/shop' }, ...things);
};
const issues = async () => (await github.state()).issues;
const labelsOf = (one) => one.labels.map((label) => label.name).sort();
async function allValid() {
  for (const entry of await github.journal()) assert.deepEqual([entry.invalid, entry.unknown, entry.answer_invalid], [[], [], []], entry.failed ?? entry.path);
}

test('the issue is opened, written anew, and closed when all is stable', async () => {
  await fresh();
  assert.match((await issue({ verdict: 'flaky' })).text, /issue 1 is open/);
  const [opened] = await issues();
  assert.deepEqual([opened.state, opened.title, labelsOf(opened)], ['open', 'Flaky tests', ['flaky', 'flaky-tests']]);
  assert.match(opened.body, /^<!-- flaky:issue -->\n# Flaky\n[^]*actions\/runs\/9100000001\)$/);
  assert.equal((await issue({ verdict: 'broken' }, { text: 'worse' })).status, 0);
  const [written, ...others] = await issues();
  assert.deepEqual(others, []);
  assert.match(written.body, /worse/);
  assert.deepEqual(labelsOf(written), ['broken', 'flaky-tests']);
  assert.match((await issue({ verdict: 'stable' })).text, /issue 1 is closed/);
  assert.equal((await issues())[0].state, 'closed');
  // The next one is another.
  assert.match((await issue({ verdict: 'flaky' })).text, /issue 2 is open/);
  await allValid();
});

test('labels that somebody gave the issue stay', async () => {
  const body = '<!-- flaky:issue -->\nold';
  await fresh({ kind: 'issue', title: 'Flaky tests', body, user: 'github-actions[bot]', labels: ['flaky-tests', 'flaky', 'team: cart'] });
  await issue({ verdict: 'broken' });
  assert.deepEqual(labelsOf((await issues())[0]), ['broken', 'flaky-tests', 'team: cart']);
});

test('an issue of somebody else, a pull request, or one without the mark is never touched', async () => {
  const labels = ['flaky-tests'];
  const body = '<!-- flaky:issue -->\nold';
  await fresh(
    { kind: 'issue', title: 'theirs', body, user: 'mona', labels },
    { kind: 'issue', title: 'unmarked', body: 'old', user: 'github-actions[bot]', labels },
    { kind: 'issue', title: 'unlabelled', body, user: 'github-actions[bot]', labels: [] },
  );
  assert.match((await issue({ verdict: 'flaky' })).text, /issue 4 is open/);
  assert.deepEqual((await issues()).slice(0, 3).map((one) => one.body), [body, 'old', body]);
  await issue({ verdict: 'stable' });
  assert.deepEqual((await issues()).map((one) => one.state), ['open', 'open', 'open', 'closed']);
});

test('what could not be found out changes nothing, and no verdict is an error', async () => {
  await fresh();
  await issue({ verdict: 'flaky' });
  const before = await issues();
  const ended = await issue({ verdict: 'inconclusive' });
  assert.match(ended.text, /::warning/);
  assert.equal(ended.status, 0);
  assert.notEqual((await issue({ verdict: '' })).status, 0);
  assert.deepEqual(await issues(), before);
});

test('a report that is too long is cut at a line, also outside the basic plane', async () => {
  await fresh();
  const text = `${'😀'.repeat(99)}\n`.repeat(700);
  assert.equal((await issue({ verdict: 'flaky' }, { text })).status, 0);
  const [{ body }] = await issues();
  assert.ok([...body].length <= 60_200);
  assert.match(body, /😀\n\n\(The report is longer: the rest is in the run\.\)/u);
});

test('without the permission the step fails and names it', async () => {
  await fresh({ kind: 'token', token: 'ghs_READS', permissions: { contents: 'read' } });
  const refused = await issue({ verdict: 'flaky' }, { token: 'ghs_READS' });
  assert.equal(refused.status, 20);
  assert.match(refused.text, /issue cannot be opened/);
  assert.match((await issue({ verdict: 'flaky' }, { token: '' })).text, /needs a token/);
});

test('what opens an issue is not repeated, what reads is', async () => {
  await fresh();
  await github.fault({ kind: 'server-error', method: 'POST', status: 503 });
  assert.equal((await issue({ verdict: 'flaky' })).status, 20);
  assert.equal((await github.journal()).filter((entry) => entry.method === 'POST').length, 1);
  await github.fault({ kind: 'server-error', method: 'GET', status: 503 });
  assert.match((await issue({ verdict: 'flaky' })).text, /issue 1 is open/);
});
