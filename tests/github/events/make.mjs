#!/usr/bin/env node
// Makes the payloads of this folder out of GitHub's own examples, and beside each what GitHub's API knows at that time.
//
//   node events/make.mjs           writes them
//   node events/make.mjs --check   fails when they are not what would be written
//
// `NAME.json` is what a job finds at GITHUB_EVENT_PATH. `NAME.github.json` is for `POST /_control/add` of the stand-in.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { published } from '../lib/published.mjs';
import { numberOf, shaOf } from '../lib/shapes.mjs';
import { zipOf } from './zip.mjs';

const EXAMPLES = published('@octokit/webhooks-examples', '7.6.1', 'api.github.com/index.json');
const BASE = 'acme/shop';
const FORK = 'mona/shop';
const RUN = 9000000001;
// When the attempts of the failed run began.
const BEGUN = ['2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z'];
// Of the failed run; the ones before it were green.
const NUMBER = 163;
const GREEN = shaOf('green');
// The last commit of the branch that was green.
const FIRST = shaOf('first');
const HEAD = shaOf('head');
const AUTHOR = { name: 'The Octocat', email: 'octocat@users.noreply.github.com' };

/** One of GitHub's examples, of our repository. */
function example(event, pick) {
  const { examples } = EXAMPLES.find(({ name }) => name === event);
  const text = JSON.stringify(examples.find(pick));
  const ours = [
    ['octo-org/octo-repo', BASE], ['Codertocat/Hello-World', BASE], ['octo-org', 'acme'], ['octo-repo', 'shop'],
    ['Codertocat', 'octocat'], ['Hello-World', 'shop'],
  ].reduce((all, [theirs, our]) => all.replaceAll(theirs, our), text);
  return JSON.parse(ours);
}

/** A repository in a payload under another name. */
function renamed(repository, fullName, fork) {
  const [owner, name] = fullName.split('/');
  const other = JSON.parse(JSON.stringify(repository).replaceAll(repository.full_name, fullName));
  Object.assign(other, { id: numberOf(fullName), name, full_name: fullName, fork });
  Object.assign(other.owner, { login: owner, id: numberOf(owner), type: fork ? 'User' : 'Organization' });
  return other;
}

// Some of the examples are of an older shape.
const isPullExample = (e) => e.action === 'opened' && !e.pull_request.draft && e.pull_request.auto_merge !== undefined;

/** `workflow_run` of a run that failed. */
function failedRun({ event = 'pull_request', branch = 'faster', sha = HEAD, from = BASE, attempt = 1, linked }) {
  const payload = example('workflow_run', (e) => e.action === 'completed' && e.workflow_run.pull_requests.length > 0);
  const run = payload.workflow_run;
  const base = renamed(run.repository, BASE, false);
  const page = `https://github.com/${BASE}/actions/runs/${RUN}`;
  const api = `https://api.github.com/repos/${BASE}/actions/runs/${RUN}`;
  const path = '.github/workflows/ci.yml';
  payload.repository = { ...renamed(payload.repository, BASE, false), default_branch: 'main' };
  payload.workflow = { ...payload.workflow, id: numberOf(path), name: 'CI', path };
  const links = { url: api, html_url: page, jobs_url: `${api}/jobs`, logs_url: `${api}/logs`, artifacts_url: `${api}/artifacts`, cancel_url: `${api}/cancel`, rerun_url: `${api}/rerun` };
  const previous = attempt > 1 ? `${api}/attempts/${attempt - 1}` : null;
  payload.workflow_run = {
    ...run, ...links, created_at: BEGUN[0], run_started_at: BEGUN[attempt - 1], updated_at: BEGUN[attempt - 1].replace(':00:00Z', ':30:00Z'), id: RUN, run_number: NUMBER, name: 'CI', path, event, conclusion: 'failure', status: 'completed', workflow_id: numberOf(path),
    head_branch: branch, head_sha: sha, run_attempt: attempt, previous_attempt_url: previous, display_title: 'Faster carts',
    head_commit: { ...run.head_commit, id: sha, message: 'Faster carts', author: AUTHOR, committer: AUTHOR },
    repository: base,
    head_repository: from === null ? null : from === BASE ? base : renamed(run.repository, from, true),
    pull_requests: linked === undefined ? [] : run.pull_requests.map((pull) => linkedPull(pull, linked, branch, sha)),
  };
  return payload;
}

/** Only pull requests within the repository are in the payload of a run. */
function linkedPull(pull, number, ref, sha) {
  const repo = { id: numberOf(BASE), url: `https://api.github.com/repos/${BASE}`, name: 'shop' };
  return { ...pull, number, url: `${repo.url}/pulls/${number}`, head: { ref, sha, repo }, base: { ref: 'main', sha: GREEN, repo } };
}

// Below, `installation` is left out: a job is not told of one.
function pullRequest({ from = BASE, draft = false }) {
  const { installation, ...payload } = example('pull_request', isPullExample);
  const { pull_request: pull } = payload;
  const base = { ...renamed(pull.base.repo, BASE, false), default_branch: 'main' };
  payload.repository = { ...renamed(payload.repository, BASE, false), default_branch: 'main' };
  const head = from === BASE ? base : { ...renamed(pull.head.repo, from, true), default_branch: 'main' };
  const [owner] = from.split('/');
  Object.assign(payload, { number: 7 });
  Object.assign(pull, { number: 7, title: 'Faster carts', draft });
  Object.assign(pull.head, { ref: 'faster', sha: HEAD, label: `${owner}:faster`, repo: head });
  Object.assign(pull.base, { ref: 'main', sha: GREEN, label: 'acme:main', repo: base });
  return payload;
}

function push() {
  const { installation, ...payload } = example('push', (e) => e.ref === 'refs/heads/master');
  const commit = (id, message) => ({ ...payload.commits[0], id, message, author: { ...AUTHOR, username: 'octocat' }, committer: { ...AUTHOR, username: 'octocat' } });
  payload.repository = { ...renamed(payload.repository, BASE, false), default_branch: 'main', master_branch: 'main' };
  payload.pusher = { name: 'octocat', email: AUTHOR.email };
  return { ...payload, ref: 'refs/heads/main', before: GREEN, after: HEAD, created: false, base_ref: null, commits: [commit(HEAD, 'Faster carts')], head_commit: commit(HEAD, 'Faster carts') };
}

// What GitHub's API knows: things to add to the stand-in.
const of = (thing) => ({ repository: BASE, ...thing });
const repositories = (from = BASE) => [
  { kind: 'repository', full_name: BASE },
  ...(from !== BASE ? [{ kind: 'repository', full_name: from, fork: true }] : []),
  of({ kind: 'commit', sha: GREEN, branch: 'main', message: 'Prices', name: AUTHOR.name, login: 'octocat' }),
  of({ kind: 'commit', sha: FIRST, parents: [GREEN], message: 'Carts', name: 'Mona', login: 'mona', files: ['src/cart.py'] }),
  of({ kind: 'commit', sha: HEAD, parents: [FIRST], message: 'Faster carts', name: 'Mona', login: 'mona', files: ['src/cart.py'] }),
  of({ kind: 'run', id: RUN - 2, run_number: NUMBER - 2, conclusion: 'success', event: 'push', head_branch: 'main', head_sha: GREEN }),
  of({ kind: 'run', id: RUN - 1, run_number: NUMBER - 1, conclusion: 'success', head_branch: 'faster', head_sha: FIRST, head_repository: from }),
];
const pull = (more = {}) => of({ kind: 'pull', number: 7, title: 'Faster carts', files: ['src/cart.py'], base: { ref: 'main', sha: GREEN }, ...more });
const run = (more) => of({ kind: 'run', id: RUN, run_number: NUMBER, created_at: BEGUN[0], head_branch: 'faster', head_sha: HEAD, ...more });
const job = (id, more) => of({ kind: 'job', id, run_id: RUN, name: 'test', log: LOG, ...more });
const junit = (id, name, cases) => of({ kind: 'artifact', id, run_id: RUN, name, base64: zipOf({ 'junit.xml': cases }).toString('base64') });
const head = (from) => ({ repository: from, ref: 'faster', sha: HEAD });

const LINES = [
  '##[group]Run pytest tests/',
  '\u001b[36;1mpytest tests/\u001b[0m',
  'shell: /usr/bin/bash -e {0}',
  '##[endgroup]',
  '============================= test session starts ==============================',
  'collected 3 items',
  '',
  'tests/test_cart.py .F.                                                   [100%]',
  '',
  '=================================== FAILURES ===================================',
  '_________________________________ test_sums ____________________________________',
  '',
  '    def test_sums():',
  '>       assert total([1, 2]) == 4',
  'E       assert 3 == 4',
  '',
  'tests/test_cart.py:9: AssertionError',
  '=========================== short test summary info ============================',
  'FAILED tests/test_cart.py::test_sums - assert 3 == 4',
  '========================= 1 failed, 2 passed in 0.08s ==========================',
  '##[error]Process completed with exit code 1.',
];
/** As a job's log is downloaded: each line with the moment it was written at. */
const timed = (lines) => lines.map((line, at) => `2026-01-01T00:10:${String(at).padStart(2, '0')}.1234567Z ${line}\n`).join('');
const LOG = timed(LINES);
const JEST_LOG = timed([
  '##[group]Run npx jest', '##[endgroup]', 'FAIL web/cart.test.ts', '  ✓ adds (2 ms)', '  ✕ sums (5 ms)', '',
  '  ● sums', '', '    expect(received).toBe(expected)', '', 'Tests:       1 failed, 1 passed, 2 total', '##[error]Process completed with exit code 1.',
]);
const XML = `<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" tests="2" failures="1" errors="0" skipped="0" time="0.08">
<testcase classname="tests.test_cart" name="test_adds" time="0.001" />
<testcase classname="tests.test_cart" name="test_sums" time="0.002"><failure message="assert 3 == 4">tests/test_cart.py:9: AssertionError</failure></testcase>
</testsuite></testsuites>
`;

/** A name, the payload, and what GitHub's API knows. */
const SCENARIOS = {
  'workflow_run/push': [failedRun({ event: 'push', branch: 'main' }), [...repositories(), run({ event: 'push', head_branch: 'main' }), job(1), junit(11, 'junit', XML)]],
  'workflow_run/pull_request': [failedRun({ linked: 7 }), [...repositories(), pull({ head: head(BASE) }), run(), job(1), junit(11, 'junit', XML)]],
  'workflow_run/fork': [failedRun({ from: FORK }), [...repositories(FORK), pull({ head: head(FORK) }), run({ head_repository: FORK }), job(1), junit(11, 'junit', XML)]],
  'workflow_run/deleted-fork': [failedRun({ from: null }), [...repositories(), pull({ head: { ...head(null), owner: 'mona' } }), run({ head_repository: null }), job(1)]],
  'workflow_run/two-pulls': [failedRun({ from: FORK }), [...repositories(FORK), pull({ head: head(FORK) }), pull({ number: 8, head: head(FORK), base: { ref: 'stable', sha: shaOf('stable') } }), run({ head_repository: FORK }), job(1)]],
  'workflow_run/moved-head': [failedRun({ from: FORK }), [...repositories(FORK), pull({ head: { ...head(FORK), sha: shaOf('newer') } }), run({ head_repository: FORK }), job(1)]],
  'workflow_run/matrix': [failedRun({ from: FORK }), [
    ...repositories(FORK), pull({ head: head(FORK) }), run({ head_repository: FORK }),
    job(1, { name: 'test (3.11)', conclusion: 'success', log: '' }), job(2, { name: 'test (3.12)' }), job(3, { name: 'test (3.13)' }),
    junit(12, 'junit-3.12', XML), junit(13, 'junit-3.13', XML),
  ]],
  'workflow_run/attempt-2': [failedRun({ from: FORK, attempt: 2 }), [
    ...repositories(FORK), pull({ head: head(FORK) }), run({ head_repository: FORK, run_attempt: 2, run_started_at: BEGUN[1] }),
    job(1, { run_attempt: 1, name: 'lint' }), job(2, { run_attempt: 1 }), job(3, { run_attempt: 2, name: 'lint', conclusion: 'success', log: '' }), job(4, { run_attempt: 2 }),
    // Artifacts are the run's, not an attempt's: only their time tells.
    { ...junit(11, 'junit', XML), created_at: '2026-01-01T00:10:00Z' },
    { ...junit(12, 'junit', XML), created_at: '2026-01-01T01:10:00Z' },
  ]],
  'workflow_run/log-only': [failedRun({ from: FORK }), [...repositories(FORK), pull({ head: head(FORK) }), run({ head_repository: FORK }), job(1)]],
  'workflow_run/monorepo': [failedRun({ from: FORK }), [
    ...repositories(FORK), pull({ head: head(FORK) }), run({ head_repository: FORK }), job(1, { name: 'api / pytest' }), job(2, { name: 'web / jest', log: JEST_LOG }),
  ]],
  'pull_request/opened': [pullRequest({}), [...repositories(), pull({ head: head(BASE) })]],
  'pull_request/draft': [pullRequest({ draft: true }), [...repositories(), pull({ head: head(BASE), draft: true })]],
  'pull_request/fork': [pullRequest({ from: FORK }), [...repositories(FORK), pull({ head: head(FORK) })]],
  'push/main': [push(), repositories()],
};

const check = process.argv.includes('--check');
for (const [name, [payload, github]] of Object.entries(SCENARIOS)) {
  for (const [suffix, value] of [['json', payload], ['github.json', github]]) {
    const file = fileURLToPath(new URL(`${name}.${suffix}`, import.meta.url));
    const text = `${JSON.stringify(value, null, 1)}\n`;
    if (!check) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    } else if (readFileSync(file, 'utf8') !== text) {
      console.error(`${name}.${suffix} is not what events/make.mjs makes: run it`);
      process.exitCode = 1;
    }
  }
}
