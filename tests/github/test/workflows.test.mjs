// The workflows of examples/github, run with recorded events: what flaky is called with, and when.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { register } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT, Runner, contextsOf, event, filled, holds, inputsOf, workflow } from './jobs.mjs';

// GitHub's parser is written for a bundler, which takes JSON for a module without being told so.
register('./json-modules.mjs', import.meta.url);
const { NoOperationTraceWriter, parseWorkflow } = await import('@actions/workflow-parser');

const FOLDER = join(ROOT, 'examples/github');
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.yml'));
const runEvents = readdirSync(join(ROOT, 'tests/github/events/workflow_run')).filter((name) => !name.includes('.github.')).map((name) => `workflow_run/${name.replace('.json', '')}`);

test('there are five workflows and ten runs to show them', () => {
  assert.deepEqual([names.length, runEvents.length], [5, 10]);
});

for (const name of names) {
  test(`${name} is a workflow by GitHub's own parser`, () => {
    const content = readFileSync(join(FOLDER, name), 'utf8');
    const parsed = parseWorkflow({ name, content }, new NoOperationTraceWriter());
    assert.deepEqual(parsed.context.errors.getErrors().map(String), []);
  });

  test(`${name} grants nothing at the top, little per job, and gives every job an end`, () => {
    const { permissions, concurrency, jobs } = workflow(name);
    assert.deepEqual(permissions, {});
    assert.ok(concurrency.group);
    for (const job of Object.values(jobs)) {
      assert.ok(job['timeout-minutes'] > 0);
      const writes = Object.entries(job.permissions).filter(([, level]) => level === 'write').map(([what]) => what);
      // What may write never runs what a pull request brings.
      if (writes.length > 0) assert.ok(!job.steps.some(({ uses, run }) => run || uses.startsWith('actions/checkout@')), `${name}: ${writes}`);
      for (const { uses, with: given } of job.steps) {
        if (uses?.startsWith('actions/checkout@')) assert.equal(given['persist-credentials'], false);
        if (uses) assert.match(uses, /@[0-9a-f]{40}$/);
      }
    }
  });
}

/** Runs the flaky step of a job after an event; gives the runner, or null where the job does not run. */
function run(name, jobName, contexts, more = {}) {
  const job = workflow(name).jobs[jobName];
  if (job.if !== undefined && !holds(job.if, contexts)) return null;
  const runner = new Runner();
  runner.fakeFlaky();
  const ended = runner.act({ ...inputsOf(job, contexts), ...more });
  assert.equal(ended.status, 0, ended.text);
  return runner;
}

for (const name of runEvents) {
  test(`after ${name}, flaky ci is called once, with a token and nothing of the event`, () => {
    const runner = run('flaky-after-ci.yml', 'detect', contextsOf(name));
    const json = join(runner.folder, 'temp/flaky-report.json');
    assert.deepEqual(runner.arguments, ['ci', '--to=github', `--report=json=${json}`]);
    assert.equal(runner.read('token'), 'ghs_STAND0IN');
  });

  test(`after ${name}, a report is only told of a pull request, held against what the event says`, () => {
    const runner = run('flaky-report.yml', 'report', contextsOf(name));
    const { workflow_run: failed } = event(name);
    if (failed.event !== 'pull_request') return assert.equal(runner, null);
    const expected = ['--untrusted', '--expect-repo=acme/shop', `--expect-sha=${failed.head_sha}`, `--expect-run=${failed.id}`];
    assert.deepEqual(runner.arguments.slice(0, 5), ['report', ...expected]);
    assert.deepEqual(runner.arguments.slice(-2), ['--', '/runner/temp/untrusted/flaky-report.json']);
  });
}

test('a run that did not fail is not looked into', () => {
  const payload = event('workflow_run/fork');
  for (const conclusion of ['success', 'cancelled', 'skipped', 'neutral', 'action_required']) {
    payload.workflow_run.conclusion = conclusion;
    assert.equal(run('flaky-after-ci.yml', 'detect', contextsOf('workflow_run/fork', payload)), null);
    assert.equal(run('flaky-report.yml', 'report', contextsOf('workflow_run/fork', payload)), null);
  }
});

test('each head has a queue of its own, also one whose repository is gone', () => {
  for (const [name, prefix] of [['flaky-after-ci.yml', 'flaky'], ['flaky-report.yml', 'flaky-report']]) {
    const group = (of) => filled(workflow(name).concurrency.group, contextsOf(of));
    assert.equal(group('workflow_run/fork'), `${prefix}-mona/shop-faster`);
    assert.equal(group('workflow_run/pull_request'), `${prefix}-acme/shop-faster`);
    assert.equal(group('workflow_run/push'), `${prefix}-acme/shop-main`);
    assert.equal(group('workflow_run/deleted-fork'), `${prefix}-deleted-faster`);
  }
});

test('the name of a branch is never a piece of shell', () => {
  const payload = event('workflow_run/fork');
  payload.workflow_run.head_branch = '`touch pwned`$(touch pwned)";touch pwned;\'\ntouch pwned';
  payload.workflow_run.head_commit.message = payload.workflow_run.head_branch;
  const contexts = contextsOf('workflow_run/fork', payload);
  for (const [name, job] of [['flaky-after-ci.yml', 'detect'], ['flaky-report.yml', 'report']]) {
    const runner = run(name, job, contexts);
    assert.equal(existsSync(join(runner.folder, 'work/pwned')), false);
    assert.ok(!runner.arguments.some((argument) => argument.includes('pwned')));
  }
});

test('attempts on what a pull request brings are made without a token, and on drafts fewer', () => {
  const asked = (name) => {
    const runner = run('ci-with-attempts.yml', 'attempts', contextsOf(name), { isolation: 'auto' });
    assert.equal(runner.read('token'), 'unset');
    return runner.arguments;
  };
  assert.ok(asked('pull_request/fork').includes('--runs=40'));
  assert.ok(asked('pull_request/draft').includes('--runs=10'));
  assert.ok(asked('pull_request/opened').includes('--test-command=python3 -m pytest'));
  assert.equal(run('ci-with-attempts.yml', 'attempts', contextsOf('push/main')), null);
});

test('the gate compares with the base of the pull request, without a token', () => {
  for (const [name, runs] of [['pull_request/opened', 40], ['pull_request/fork', 40], ['pull_request/draft', 10]]) {
    const runner = run('flaky-gate.yml', 'gate', contextsOf(name), { isolation: 'auto' });
    const { base } = event(name).pull_request;
    for (const argument of ['run', `--base=${base.sha}`, `--runs=${runs}`, '--fail-on=introduced', '--to=github']) {
      assert.ok(runner.arguments.includes(argument), argument);
    }
    assert.equal(runner.read('token'), 'unset');
  }
});

test('the nightly hunt writes the report that its issue is made of', () => {
  const runner = run('flaky-nightly.yml', 'hunt', contextsOf('push/main'), { isolation: 'auto' });
  assert.ok(runner.arguments.includes('--report=markdown=flaky-report.md'));
  assert.ok(runner.arguments.includes('--report=json=flaky-report.json'));
  assert.equal(runner.read('token'), 'unset');
  const contexts = { ...contextsOf('push/main'), needs: { hunt: { outputs: { verdict: 'flaky' } } } };
  const given = inputsOf(workflow('flaky-nightly.yml').jobs.issue, contexts);
  assert.deepEqual([given.mode, given.verdict, given.file], ['issue', 'flaky', '/runner/temp/flaky/flaky-report.md']);
  contexts.needs.hunt.outputs.verdict = '';
  assert.equal(holds(workflow('flaky-nightly.yml').jobs.issue.if, contexts), false);
});
