// GitHub's own client library works against the stand-in: what it asks is let through, what it reads is what is there.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { AT, withPull } from './stand-in.mjs';

let github;
let octokit;
before(async () => {
  github = await withPull();
  octokit = github.octokit();
});
after(() => github.stop());

/** Whether all that was asked and answered so far is as GitHub describes it. */
async function nothingInvalid() {
  for (const entry of await github.journal()) {
    assert.deepEqual(entry.invalid ?? entry.failed, [], `${entry.method} ${entry.path}`);
    assert.deepEqual(entry.unknown, [], `${entry.method} ${entry.path}`);
    assert.deepEqual(entry.answer_invalid, [], `${entry.method} ${entry.path}`);
  }
}

test('a pull request of a fork is found by its head, and by nothing else', async () => {
  const { data } = await octokit.pulls.list({ ...AT, head: 'mona:faster', state: 'all' });
  assert.deepEqual(data.map((pull) => [pull.number, pull.head.sha, pull.head.repo.full_name]), [[7, 'a'.repeat(40), 'mona/shop']]);
  assert.equal((await octokit.pulls.list({ ...AT, head: 'acme:faster' })).data.length, 0);
  // Without an owner it filters nothing.
  assert.equal((await octokit.pulls.list({ ...AT, head: 'other' })).data.length, 1);
  const byCommit = await octokit.repos.listPullRequestsAssociatedWithCommit({ ...AT, commit_sha: 'a'.repeat(40) });
  assert.deepEqual(byCommit.data, []);
  const { data: pull } = await octokit.pulls.get({ ...AT, pull_number: 7 });
  assert.equal(pull.changed_files, 1);
  assert.deepEqual((await octokit.pulls.listFiles({ ...AT, pull_number: 7 })).data.map((f) => f.filename), ['src/cart.py']);
  await nothingInvalid();
});

test('the head repository of a deleted fork is null', async () => {
  await github.add({ kind: 'pull', number: 8, head: { repository: null, owner: 'mona', ref: 'gone' } });
  await github.add({ kind: 'pull', number: 9, head: { repository: null, ref: 'ghostly' } });
  const { data } = await octokit.pulls.get({ ...AT, pull_number: 8 });
  assert.deepEqual([data.head.repo, data.head.user.login], [null, 'mona']);
  assert.equal((await octokit.pulls.get({ ...AT, pull_number: 9 })).data.head.user, null);
  await nothingInvalid();
});

test('a comment is created, found on the third page, changed and deleted', async () => {
  await github.add({ kind: 'comment', issue: 7, times: 299 });
  const { data: made } = await octokit.issues.createComment({ ...AT, issue_number: 7, body: 'the 300th' });
  assert.equal(made.user.login, 'github-actions[bot]');
  assert.match(made.html_url, /\/pull\/7#issuecomment-/);
  const all = await octokit.paginate(octokit.issues.listComments, { ...AT, issue_number: 7, per_page: 100 });
  assert.equal(all.length, 300);
  assert.equal(all.at(-1).id, made.id);
  await octokit.issues.updateComment({ ...AT, comment_id: made.id, body: 'changed' });
  assert.equal((await octokit.issues.getComment({ ...AT, comment_id: made.id })).data.body, 'changed');
  await octokit.issues.deleteComment({ ...AT, comment_id: made.id });
  await assert.rejects(octokit.issues.getComment({ ...AT, comment_id: made.id }), { status: 404 });
  await nothingInvalid();
});

test('thirty comments come where no number is asked for, and links lead to the rest', async () => {
  const first = await octokit.issues.listComments({ ...AT, issue_number: 7 });
  assert.equal(first.data.length, 30);
  assert.match(first.headers.link, /repositories\/\d+\/issues\/7\/comments\?page=2>; rel="next", <[^>]+page=10>; rel="last"/);
  const last = await octokit.issues.listComments({ ...AT, issue_number: 7, page: 10 });
  assert.match(last.headers.link, /rel="prev".*rel="first"/);
  assert.doesNotMatch(last.headers.link, /rel="next"/);
  const beyond = await octokit.issues.listComments({ ...AT, issue_number: 7, per_page: 1000 });
  assert.equal(beyond.data.length, 100);
  await nothingInvalid();
});

test('annotations of a check run pile up in batches of fifty', async () => {
  const annotation = { path: 'a.py', start_line: 1, end_line: 1, annotation_level: 'warning', message: 'flaky' };
  const output = { title: 't', summary: 's', annotations: Array(50).fill(annotation) };
  const { data: check } = await octokit.checks.create({ ...AT, name: 'flaky', head_sha: 'a'.repeat(40), status: 'in_progress', output });
  const { data: done } = await octokit.checks.update({ ...AT, check_run_id: check.id, conclusion: 'neutral', output });
  assert.deepEqual([done.status, done.conclusion, done.output.annotations_count], ['completed', 'neutral', 100]);
  const listed = await octokit.paginate(octokit.checks.listAnnotations, { ...AT, check_run_id: check.id });
  assert.equal(listed.length, 100);
  assert.equal((await octokit.checks.listForRef({ ...AT, ref: 'a'.repeat(40) })).data.total_count, 1);
  assert.equal((await octokit.checks.get({ ...AT, check_run_id: check.id })).data.id, check.id);
  await nothingInvalid();
});

test('a failed run gives its jobs by attempt, its logs and its artifacts', async () => {
  const zip = Buffer.from('PK\x05\x06' + '\0'.repeat(18), 'latin1');
  const [{ id: run_id }] = await github.add({ kind: 'run', run_attempt: 2, head_branch: 'faster', head_sha: 'a'.repeat(40), head_repository: 'mona/shop' });
  const [{ id: job_id }] = await github.add(
    { kind: 'job', run_id, run_attempt: 2, name: 'test (3.12, ubuntu)', log: '2026-01-01T00:00:00.0000000Z FAILED test_a\n' },
    { kind: 'job', run_id, run_attempt: 1, name: 'test (3.12, ubuntu)' },
    { kind: 'artifact', run_id, name: 'junit', base64: zip.toString('base64') },
    { kind: 'artifact', run_id, name: 'old', base64: '', expired: true },
  );
  const attempt = await octokit.actions.listJobsForWorkflowRunAttempt({ ...AT, run_id, attempt_number: 2 });
  assert.deepEqual(attempt.data.jobs.map((job) => job.id), [job_id]);
  assert.equal((await octokit.actions.listJobsForWorkflowRun({ ...AT, run_id, filter: 'all' })).data.total_count, 2);
  assert.equal((await octokit.actions.getWorkflowRunAttempt({ ...AT, run_id, attempt_number: 1 })).data.run_attempt, 1);
  const log = await octokit.actions.downloadJobLogsForWorkflowRun({ ...AT, job_id });
  assert.match(log.data, /FAILED test_a/);
  const { data } = await octokit.actions.listWorkflowRunArtifacts({ ...AT, run_id, name: 'junit' });
  const bytes = await octokit.actions.downloadArtifact({ ...AT, artifact_id: data.artifacts[0].id, archive_format: 'zip' });
  assert.deepEqual(Buffer.from(bytes.data), zip);
  const old = (await octokit.actions.listWorkflowRunArtifacts({ ...AT, run_id, name: 'old' })).data.artifacts[0];
  await assert.rejects(octokit.actions.downloadArtifact({ ...AT, artifact_id: old.id, archive_format: 'zip' }), { status: 410 });
  const failed = await octokit.actions.listWorkflowRuns({ ...AT, workflow_id: 'ci.yml', branch: 'faster', status: 'failure' });
  assert.deepEqual(failed.data.workflow_runs.map((run) => run.id), [run_id]);
  assert.equal((await octokit.actions.getWorkflow({ ...AT, workflow_id: 'ci.yml' })).data.name, 'CI');
  await nothingInvalid();
});

test('commits are listed and compared, and one without an account has no login', async () => {
  const [green, one, two] = ['1', '2', '3'].map((digit) => digit.repeat(40));
  await github.add(
    { kind: 'commit', sha: green, branch: 'main' },
    { kind: 'commit', sha: one, parents: [green], login: 'mona', name: 'Mona', files: ['a.py'] },
    { kind: 'commit', sha: two, parents: [one], name: 'Nobody Known', files: ['a.py', 'b.py'] },
  );
  const { data } = await octokit.repos.compareCommitsWithBasehead({ ...AT, basehead: `${green}...${two}` });
  assert.equal(data.status, 'ahead');
  assert.deepEqual(data.commits.map((commit) => [commit.sha, commit.author?.login]), [[one, 'mona'], [two, undefined]]);
  assert.deepEqual(data.files.map((file) => file.filename), ['a.py', 'b.py']);
  assert.equal((await octokit.repos.listCommits({ ...AT, sha: two })).data.length, 3);
  assert.equal((await octokit.git.getRef({ ...AT, ref: 'heads/main' })).data.object.sha, green);
  assert.equal((await octokit.repos.getCommit({ ...AT, ref: 'main' })).data.sha, green);
  await nothingInvalid();
});

test('a file of the default branch is read, as JSON and raw', async () => {
  await github.add({ kind: 'content', path: '.github/flaky/.flaky-detector.yml', text: 'runs: 30\n' });
  const path = '.github/flaky/.flaky-detector.yml';
  const { data } = await octokit.repos.getContent({ ...AT, path });
  assert.equal(Buffer.from(data.content, 'base64').toString(), 'runs: 30\n');
  const raw = await octokit.repos.getContent({ ...AT, path, mediaType: { format: 'raw' } });
  assert.equal(raw.data, 'runs: 30\n');
  await assert.rejects(octokit.repos.getContent({ ...AT, path: 'none.yml' }), { status: 404 });
  await nothingInvalid();
});

test('one issue is opened with labels, found again, brought up to date and closed', async () => {
  await octokit.issues.createLabel({ ...AT, name: 'flaky-tests', color: 'fbca04' });
  const { data: issue } = await octokit.issues.create({ ...AT, title: 'Flaky tests', body: 'two', labels: ['flaky-tests', 'nightly'] });
  const { data: found } = await octokit.issues.listForRepo({ ...AT, labels: 'flaky-tests', state: 'open', creator: 'github-actions[bot]' });
  assert.deepEqual(found.map((one) => one.number), [issue.number]);
  const sought = await octokit.search.issuesAndPullRequests({ q: 'repo:acme/shop is:issue is:open label:flaky-tests', advanced_search: 'true' });
  assert.equal(sought.data.items[0].number, issue.number);
  await octokit.issues.addLabels({ ...AT, issue_number: issue.number, labels: ['worse'] });
  await octokit.issues.removeLabel({ ...AT, issue_number: issue.number, name: 'nightly' });
  const { data: closed } = await octokit.issues.update({ ...AT, issue_number: issue.number, state: 'closed', body: 'none' });
  assert.deepEqual([closed.state, closed.body, closed.labels.map((label) => label.name)], ['closed', 'none', ['flaky-tests', 'worse']]);
  await nothingInvalid();
});

test('the repository and what is left of the allowance are told', async () => {
  assert.equal((await octokit.repos.get(AT)).data.default_branch, 'main');
  assert.ok((await octokit.rateLimit.get()).data.rate.limit > 0);
  await nothingInvalid();
});

test('a user is told who it is, a job is not', async () => {
  await github.add({ kind: 'token', token: 'ghp_USER', type: 'user', login: 'mona' });
  assert.equal((await github.octokit('ghp_USER').users.getAuthenticated()).data.login, 'mona');
  await assert.rejects(octokit.users.getAuthenticated(), { status: 403, message: /Resource not accessible by integration/ });
  await nothingInvalid();
});
