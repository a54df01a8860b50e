// The recorded events are what GitHub sends, and the stand-in knows what goes with them.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync, mkdtempSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import Ajv from 'ajv';
import addFormats from 'ajv-formats';

import { start } from './stand-in.mjs';

const EVENTS = fileURLToPath(new URL('../events/', import.meta.url));
const SCHEMA = createRequire(import.meta.url)('@octokit/webhooks-schemas');
const read = (name) => JSON.parse(readFileSync(join(EVENTS, name), 'utf8'));
const names = readdirSync(EVENTS, { recursive: true }).filter((name) => name.endsWith('.json') && !name.endsWith('.github.json'));
// GitHub's schema says that there always is a head repository. For a deleted fork there is none.
const KNOWN_DEVIATIONS = { 'workflow_run/deleted-fork.json': '/workflow_run/head_repository' };

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema(SCHEMA, 'github');

function validator(event, payload) {
  const definition = event === 'push' ? 'push$event' : `${event}$${payload.action}`;
  return ajv.getSchema(`github#/definitions/${encodeURIComponent(definition)}`) ?? assert.fail(`no schema for ${definition}`);
}

let github;
before(async () => {
  github = await start();
});
after(() => github.stop());

test('all scenarios are there', () => {
  assert.equal(names.length, 14);
});

for (const name of names) {
  test(`${name} is valid by GitHub's schema`, () => {
    const payload = read(name);
    const validate = validator(name.split('/')[0], payload);
    validate(payload);
    const places = (validate.errors ?? []).map((error) => error.instancePath);
    const known = KNOWN_DEVIATIONS[name];
    assert.deepEqual(places.filter((place) => place !== known && place !== '/workflow_run'), [], JSON.stringify(validate.errors?.slice(0, 3)));
    assert.equal(places.includes(known), known !== undefined);
  });
}

test('a payload that lacks something is refused by the schema', () => {
  const payload = read('workflow_run/fork.json');
  delete payload.workflow_run.head_sha;
  assert.equal(validator('workflow_run', payload)(payload), false);
});

for (const name of names) {
  test(`the stand-in knows what goes with ${name}`, async () => {
    await github.forget();
    await github.add(...read(name.replace('.json', '.github.json')));
    const octokit = github.octokit();
    const payload = read(name);
    const [owner, repo] = payload.repository.full_name.split('/');
    const at = { owner, repo };
    assert.equal((await octokit.repos.get(at)).data.full_name, payload.repository.full_name);
    if (payload.workflow_run) await runsAgree(octokit, at, payload.workflow_run);
    if (payload.pull_request) {
      const { data } = await octokit.pulls.get({ ...at, pull_number: payload.number });
      const told = ({ head, base, draft }) => [head.sha, head.label, head.repo.full_name, base.ref, draft];
      assert.deepEqual(told(data), told(payload.pull_request));
    }
    const wrong = (await github.journal()).filter((entry) => entry.failed || entry.invalid.length + entry.answer_invalid.length > 0);
    assert.deepEqual(wrong, []);
  });
}

async function runsAgree(octokit, at, run) {
  const { data } = await octokit.actions.getWorkflowRunAttempt({ ...at, run_id: run.id, attempt_number: run.run_attempt });
  for (const key of ['id', 'head_sha', 'head_branch', 'event', 'conclusion', 'workflow_id', 'run_attempt', 'run_number', 'run_started_at']) assert.deepEqual(data[key], run[key], key);
  assert.equal(data.head_repository?.full_name, run.head_repository?.full_name);
  // What tells the repository of a pull request from another of the same name.
  assert.equal(data.head_repository?.id, run.head_repository?.id);
  // There was a green run before it, at a commit that leads to this one.
  const earlier = await octokit.actions.listWorkflowRuns({ ...at, workflow_id: run.workflow_id, branch: run.head_branch, status: 'success' });
  const green = earlier.data.workflow_runs.filter((one) => one.run_number < run.run_number);
  assert.equal(green.length, 1);
  const since = await octokit.repos.compareCommitsWithBasehead({ ...at, basehead: `${green[0].head_sha}...${run.head_sha}` });
  assert.ok(since.data.commits.length > 0);
  const jobs = await octokit.actions.listJobsForWorkflowRunAttempt({ ...at, run_id: run.id, attempt_number: run.run_attempt });
  const failed = jobs.data.jobs.filter((job) => job.conclusion === 'failure');
  assert.ok(failed.length > 0);
  assert.match((await octokit.actions.downloadJobLogsForWorkflowRun({ ...at, job_id: failed[0].id })).data, /##\[error\]/);
}

test('the archives are ones that others can read', () => {
  const things = read('workflow_run/matrix.github.json').filter((thing) => thing.kind === 'artifact');
  assert.equal(things.length, 2);
  for (const { base64 } of things) {
    const file = join(mkdtempSync(join(tmpdir(), 'zip-')), 'a.zip');
    writeFileSync(file, Buffer.from(base64, 'base64'));
    const code = 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(z.read("junit.xml").decode())';
    assert.match(execFileSync('python3', ['-c', code, file], { encoding: 'utf8' }), /<testsuite name="pytest"/);
  }
});
