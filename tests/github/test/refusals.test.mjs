// The stand-in refuses what GitHub would, says so in its journal, and fails in GitHub's ways when asked to.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { AT, withPull } from './stand-in.mjs';

let github;
let octokit;
before(async () => {
  github = await withPull();
  octokit = github.octokit();
});
after(() => github.stop());

const COMMENTS = '/repos/acme/shop/issues/7/comments';
const JSON_TYPE = { 'content-type': 'application/json' };
const last = async () => (await github.journal()).at(-1);

// A wrong request, and the status that it is refused with.
const WRONG = [
  ['a comment without a body', 'POST', COMMENTS, '{}', 422],
  ['a comment whose body is a number', 'POST', COMMENTS, '{"body": 3}', 422],
  ['a comment that is not JSON', 'POST', COMMENTS, '{"body": ', 400],
  ['a comment in a type of its own', 'POST', COMMENTS, '{"body": "x"}', 422, { 'content-type': 'application/xml' }],
  ['an issue number in words', 'POST', '/repos/acme/shop/issues/seven/comments', '{"body": "x"}', 422],
  ['a path that is not there', 'GET', '/repos/acme/shop/comments/of/7', undefined, 404],
  ['a method that is not there', 'PUT', COMMENTS, '{"body": "x"}', 404],
  ['a state that is none', 'GET', '/repos/acme/shop/pulls?state=merged', undefined, 422],
  ['a page in words', 'GET', `${COMMENTS}?page=two`, undefined, 422],
  ['a date that is none', 'GET', `${COMMENTS}?since=yesterday`, undefined, 422],
  ['a search for nothing', 'GET', '/search/issues', undefined, 422],
  ['a check run without a commit', 'POST', '/repos/acme/shop/check-runs', '{"name": "flaky"}', 422],
  ['a conclusion that is none', 'POST', '/repos/acme/shop/check-runs', JSON.stringify({ name: 'f', head_sha: 'a', conclusion: 'flaky' }), 422],
  ['an output without a summary', 'POST', '/repos/acme/shop/check-runs', JSON.stringify({ name: 'f', head_sha: 'a', output: { title: 't' } }), 422],
];

for (const [what, method, path, body, status, headers = JSON_TYPE] of WRONG) {
  test(`${what} is refused and noted`, async () => {
    const answer = await github.ask(method, path, body, headers);
    assert.equal(answer.status, status);
    const entry = await last();
    assert.equal(entry.status, status);
    assert.notDeepEqual(entry.invalid, []);
  });
}

test('a request without a user agent is refused', async () => {
  const asked = request(`${github.base}/repos/acme/shop`, { headers: {} });
  asked.end();
  const [answer] = await once(asked, 'response');
  answer.resume();
  assert.equal(answer.statusCode, 403);
  assert.equal((await last()).invalid[0].code, 'user-agent');
});

test('what GitHub would not look at is let through and noted', async () => {
  const answer = await github.ask('POST', `${COMMENTS}?per_pages=3`, '{"body": "x", "text": "y"}', JSON_TYPE);
  assert.equal(answer.status, 201);
  const entry = await last();
  assert.deepEqual([entry.unknown, entry.invalid], [['query.per_pages', 'body.text'], []]);
});

const annotations = (count, more = {}) => ({
  title: 't',
  summary: 's',
  annotations: Array(count).fill({ path: 'a', start_line: 1, end_line: 1, annotation_level: 'notice', message: 'm', ...more }),
});
const check = (output) => octokit.checks.create({ ...AT, name: 'flaky', head_sha: 'a'.repeat(40), output });

test('fifty annotations are taken, fifty-one are not', async () => {
  const { data } = await check(annotations(50));
  await assert.rejects(check(annotations(51)), { status: 422 });
  await assert.rejects(octokit.checks.update({ ...AT, check_run_id: data.id, output: annotations(51) }), { status: 422 });
});

test('annotations that are too long or end before they begin are refused', async () => {
  await check(annotations(1, { title: 'é'.repeat(255), message: 'x'.repeat(65536) }));
  for (const more of [{ title: 'x'.repeat(256) }, { message: 'x'.repeat(65537) }, { start_line: 2 }, { end_line: 2, start_column: 1 }]) {
    await assert.rejects(check(annotations(1, more)), { status: 422 });
  }
});

test('a comment holds 65,536 characters, also outside the basic plane, and not one more', async () => {
  const comment = (body) => octokit.issues.createComment({ ...AT, issue_number: 7, body });
  for (const letter of ['x', '😀']) {
    const { data } = await comment(letter.repeat(65536));
    await assert.rejects(comment(letter.repeat(65537)), { status: 422, message: /too long \(maximum is 65536 characters\)/ });
    await assert.rejects(octokit.issues.updateComment({ ...AT, comment_id: data.id, body: letter.repeat(65537) }), { status: 422 });
  }
  await assert.rejects(comment(' \n'), { status: 422 });
});

test('without permission the answer names what is accepted', async () => {
  await github.add({ kind: 'token', token: 'ghs_READS', permissions: { contents: 'read' } });
  const poor = github.octokit('ghs_READS');
  await assert.rejects(poor.issues.createComment({ ...AT, issue_number: 7, body: 'x' }), (error) => {
    assert.equal(error.status, 403);
    assert.match(error.message, /^Resource not accessible by integration/);
    assert.equal(error.response.headers['x-accepted-github-permissions'], 'issues=write; pull_requests=write');
    return true;
  });
  await assert.rejects(poor.checks.create({ ...AT, name: 'f', head_sha: 'a' }), { status: 403 });
  // What everybody may read needs none.
  assert.equal((await poor.pulls.get({ ...AT, pull_number: 7 })).data.number, 7);
});

test('of a private repository nothing is read without permission or token', async () => {
  await github.add({ kind: 'repository', full_name: 'acme/secret', private: true });
  const at = { owner: 'acme', repo: 'secret' };
  await github.add({ kind: 'token', token: 'ghs_NOTHING', permissions: {} });
  await assert.rejects(github.octokit('ghs_NOTHING').pulls.list(at), { status: 403 });
  await assert.rejects(github.octokit('').pulls.list(at), { status: 404 });
  assert.deepEqual((await octokit.pulls.list(at)).data, []);
});

test('a wrong token is refused, and writing needs one', async () => {
  await assert.rejects(github.octokit('ghs_WRONG').repos.get(AT), { status: 401, message: /Bad credentials/ });
  const anonymous = await fetch(github.base + COMMENTS, { method: 'POST', headers: JSON_TYPE, body: '{"body": "x"}' });
  assert.equal(anonymous.status, 401);
});

test('what a redirect leads to takes no token', async () => {
  const [{ id: run_id }] = await github.add({ kind: 'run' });
  const [{ id }] = await github.add({ kind: 'job', run_id, log: 'said' });
  const answer = await github.ask('GET', `/repos/acme/shop/actions/jobs/${id}/logs`);
  assert.equal(answer.status, 302);
  const address = answer.headers.get('location');
  assert.notEqual(new URL(address).origin, github.base);
  assert.equal(await (await fetch(address)).text(), 'said');
  assert.equal((await fetch(address, { headers: { authorization: 'Bearer x' } })).status, 401);
  assert.equal((await last()).invalid[0].code, 'token');
});

// A fault, and what is seen of it.
const FAULTS = [
  [{ kind: 'no-permission', permissions: 'checks=write' }, 403, { 'x-accepted-github-permissions': 'checks=write' }],
  [{ kind: 'primary-rate-limit', reset: 4000000000 }, 403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '4000000000' }],
  [{ kind: 'primary-rate-limit', status: 429 }, 429, { 'x-ratelimit-remaining': '0' }],
  [{ kind: 'secondary-rate-limit', retry_after: 2 }, 403, { 'retry-after': '2' }],
  [{ kind: 'secondary-rate-limit', retry_after: null, status: 429 }, 429, { 'retry-after': null }],
  [{ kind: 'not-found' }, 404, {}],
  [{ kind: 'unprocessable' }, 422, {}],
  [{ kind: 'server-error' }, 502, { 'content-type': 'text/html' }],
  [{ kind: 'server-error', status: 503 }, 503, {}],
];

for (const [fault, status, headers] of FAULTS) {
  test(`the fault ${JSON.stringify(fault)} meets one request, and the next one passes`, async () => {
    await github.fault({ method: 'GET', path: '/comments$', ...fault });
    const answer = await github.ask('GET', COMMENTS);
    assert.equal(answer.status, status);
    for (const [name, value] of Object.entries(headers)) assert.equal(answer.headers.get(name), value, name);
    assert.equal((await last()).fault, fault.kind);
    assert.equal((await github.ask('GET', COMMENTS)).status, 200);
  });
}

test('a request can hang until it is broken off, and be broken off at once', async () => {
  await github.fault({ kind: 'hang' }, { kind: 'reset' });
  // Awaited from the start: it is broken off while the answer to `heal` is still under way, with nobody to catch it.
  const broken = assert.rejects(github.ask('GET', COMMENTS));
  while ((await last()).fault !== 'hang') await new Promise(setImmediate);
  await assert.rejects(github.ask('GET', COMMENTS));
  await github.heal();
  await broken;
  assert.equal((await github.ask('GET', COMMENTS)).status, 200);
});

test('an answer can end in the middle', async () => {
  await github.fault({ kind: 'not-json' });
  await assert.rejects(async () => (await github.ask('GET', COMMENTS)).json(), SyntaxError);
});

test('by a race the same comment is there twice', async () => {
  const before = (await github.state()).comments.length;
  await github.fault({ kind: 'race', method: 'POST' });
  await octokit.issues.createComment({ ...AT, issue_number: 7, body: 'raced' });
  const raced = (await github.state()).comments.slice(before);
  assert.deepEqual(raced.map((c) => [c.user, c.body]), Array(2).fill(['github-actions[bot]', 'raced']));
});

test('what a test asks for wrongly is told', async () => {
  await assert.rejects(github.fault({ kind: 'earthquake' }), /no fault is called/);
  await assert.rejects(github.add({ kind: 'earthquake' }), /nothing of the kind/);
  await assert.rejects(github.add({ kind: 'comment', repository: 'no/where', issue: 1 }), /no repository/);
});

test('the stand-in ends when its standard input is closed', () => {
  const server = fileURLToPath(new URL('../server.mjs', import.meta.url));
  const ended = spawnSync(process.execPath, [server], { input: '', encoding: 'utf8', timeout: 60_000 });
  assert.deepEqual([ended.status, ended.signal], [0, null]);
});
