// Answers in GitHub's own shape: its examples, with what the stand-in knows laid over them.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const TEMPLATES = JSON.parse(readFileSync(new URL('../templates.json', import.meta.url), 'utf8'));
// The account that speaks for GITHUB_TOKEN, and the app behind it.
const ACTIONS_BOT = { login: 'github-actions[bot]', id: 41898282, type: 'Bot' };
const ACTIONS_APP = { id: 15368, slug: 'github-actions', name: 'GitHub Actions' };

/** `over` laid over `base`: objects part by part, everything else whole. */
function laid(base, over) {
  if (over === undefined) return base;
  const both = [base, over].every((v) => v !== null && typeof v === 'object' && !Array.isArray(v));
  if (!both) return over;
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) merged[key] = key in base ? laid(base[key], value) : value;
  return merged;
}

/** A number that is always the same for a name. */
export function numberOf(name) {
  return parseInt(createHash('sha256').update(name).digest('hex').slice(0, 7), 16) + 1;
}

/** Full commit id of a name, for tests that do not care which. */
export function shaOf(name) {
  return createHash('sha1').update(name).digest('hex');
}

export class Shapes {
  constructor(base) {
    this.base = base;
  }

  /** GitHub's example for an operation, as if it were of this repository and this server. */
  #example(operation, repository, pick = (v) => v) {
    const text = JSON.stringify(pick(TEMPLATES[operation]));
    const ours = text.replaceAll('octocat/Hello-World', repository).replaceAll('https://api.github.com', this.base);
    return JSON.parse(ours);
  }

  user(login) {
    const example = this.#example('issues/list-comments', '', (list) => list[0].user);
    const known = login === ACTIONS_BOT.login ? ACTIONS_BOT : { login, id: numberOf(login), type: 'User' };
    const page = login.endsWith('[bot]') ? `apps/${login.replace('[bot]', '')}` : login;
    const links = { html_url: `https://github.com/${page}`, url: `${this.base}/users/${encodeURIComponent(login)}` };
    return { ...example, ...known, ...links };
  }

  repository(repository) {
    const { full_name, id, private: isPrivate, default_branch, fork, name, owner } = repository;
    const shape = this.#example('pulls/list', full_name, (list) => list[0].base.repo);
    const known = { id, name, full_name, private: isPrivate, default_branch, fork, owner: this.user(owner) };
    return { ...shape, ...known, language: null, license: null };
  }

  wholeRepository(repository) {
    const { source, parent, template_repository, organization, ...shape } = this.#example('repos/get', repository.full_name);
    return { ...shape, ...this.repository(repository) };
  }

  #side(owner, ref, sha, repository) {
    return {
      label: owner === null ? null : `${owner}:${ref}`,
      ref,
      sha,
      user: owner === null ? null : this.user(owner),
      repo: repository === null ? null : this.repository(repository),
    };
  }

  pull(repository, pull, head) {
    const { full_name, owner } = repository;
    const { number } = pull;
    const shape = this.#example('pulls/list', full_name, (list) => list[0]);
    const at = pull.created_at;
    return laid(shape, {
      number,
      id: numberOf(`${full_name}#${number}`),
      url: `${this.base}/repos/${full_name}/pulls/${number}`,
      html_url: `https://github.com/${full_name}/pull/${number}`,
      issue_url: `${this.base}/repos/${full_name}/issues/${number}`,
      state: pull.state,
      draft: pull.draft,
      title: pull.title,
      body: pull.body,
      user: this.user(pull.user),
      labels: [],
      milestone: null,
      assignee: null,
      assignees: [],
      requested_reviewers: [],
      requested_teams: [],
      locked: false,
      active_lock_reason: null,
      created_at: at,
      updated_at: at,
      closed_at: pull.state === 'open' ? null : at,
      merged_at: null,
      head: this.#side(pull.head.owner, pull.head.ref, pull.head.sha, head),
      base: this.#side(owner, pull.base.ref, pull.base.sha, repository),
      author_association: 'CONTRIBUTOR',
    });
  }

  wholePull(repository, pull, head) {
    const shape = this.#example('pulls/get', repository.full_name);
    return { ...shape, ...this.pull(repository, pull, head), merged: false, merged_by: null, changed_files: pull.files.length };
  }

  file(repository, file) {
    return laid(this.#example('pulls/list-files', repository.full_name, (list) => list[0]), file);
  }

  label(repository, label) {
    const shape = this.#example('issues/list-labels-for-repo', repository.full_name, (list) => list[0]);
    const url = `${this.base}/repos/${repository.full_name}/labels/${encodeURIComponent(label.name)}`;
    return { ...shape, id: numberOf(label.name), default: false, description: null, ...label, url };
  }

  issue(repository, issue, comments) {
    const { full_name } = repository;
    const shape = this.#example('issues/list-for-repo', full_name, (list) => list[0]);
    const kind = issue.pull ? 'pull' : 'issues';
    const { pull_request, ...plain } = shape;
    return {
      ...(issue.pull ? shape : plain),
      id: numberOf(`${full_name}#${issue.number}`),
      number: issue.number,
      url: `${this.base}/repos/${full_name}/issues/${issue.number}`,
      html_url: `https://github.com/${full_name}/${kind}/${issue.number}`,
      comments_url: `${this.base}/repos/${full_name}/issues/${issue.number}/comments`,
      state: issue.state,
      state_reason: issue.state_reason ?? null,
      title: issue.title,
      body: issue.body,
      user: this.user(issue.user),
      labels: issue.labels.map((label) => this.label(repository, label)),
      assignee: null,
      assignees: [],
      milestone: null,
      locked: false,
      active_lock_reason: null,
      comments,
      closed_at: issue.state === 'open' ? null : issue.updated_at,
      closed_by: null,
      created_at: issue.created_at,
      updated_at: issue.updated_at,
    };
  }

  comment(repository, comment, kind) {
    const { full_name } = repository;
    const shape = this.#example('issues/list-comments', full_name, (list) => list[0]);
    const page = `https://github.com/${full_name}/${kind}/${comment.issue}`;
    return {
      ...shape,
      id: comment.id,
      body: comment.body,
      user: this.user(comment.user),
      url: `${this.base}/repos/${full_name}/issues/comments/${comment.id}`,
      html_url: `${page}#issuecomment-${comment.id}`,
      issue_url: `${this.base}/repos/${full_name}/issues/${comment.issue}`,
      created_at: comment.created_at,
      updated_at: comment.updated_at,
      author_association: comment.user === ACTIONS_BOT.login ? 'CONTRIBUTOR' : 'NONE',
    };
  }

  commit(repository, commit) {
    const { full_name } = repository;
    const { sha, message, name, login, date } = commit;
    const shape = this.#example('repos/list-commits', full_name, (list) => list[0]);
    const person = { name, email: `${name.replaceAll(/\W+/g, '.').toLowerCase()}@example.org`, date };
    return laid(shape, {
      sha,
      url: `${this.base}/repos/${full_name}/commits/${sha}`,
      html_url: `https://github.com/${full_name}/commit/${sha}`,
      commit: { message, author: person, committer: person },
      // Null where no account has the address that git knows.
      author: login === null ? null : this.user(login),
      committer: login === null ? null : this.user(login),
      parents: commit.parents.map((parent) => ({ sha: parent, url: `${this.base}/repos/${full_name}/commits/${parent}` })),
    });
  }

  check(repository, check) {
    const { full_name } = repository;
    const shape = this.#example('checks/create', full_name);
    const { annotations, output, ...rest } = check;
    const said = { title: null, summary: null, text: null, ...output };
    const { title, summary, text } = said;
    const url = `${this.base}/repos/${full_name}/check-runs/${check.id}`;
    return {
      ...shape,
      ...rest,
      url,
      html_url: `https://github.com/${full_name}/runs/${check.id}`,
      output: { title, summary, text, annotations_count: annotations.length, annotations_url: `${url}/annotations` },
      app: { ...shape.app, ...ACTIONS_APP },
      pull_requests: [],
    };
  }

  annotation(annotation, blob) {
    const absent = { start_column: null, end_column: null, title: null, raw_details: null };
    return { ...absent, ...annotation, blob_href: blob };
  }

  run(repository, run, head) {
    const { full_name } = repository;
    const shape = this.#example('actions/get-workflow-run', full_name);
    const url = `${this.base}/repos/${full_name}/actions/runs/${run.id}`;
    const page = `https://github.com/${full_name}/actions/runs/${run.id}`;
    const { head_commit, referenced_workflows, ...rest } = shape;
    return {
      ...rest,
      head_commit: { ...head_commit, id: run.head_sha },
      referenced_workflows: [],
      id: run.id,
      name: run.name,
      path: run.path,
      workflow_id: numberOf(run.path),
      head_branch: run.head_branch,
      head_sha: run.head_sha,
      event: run.event,
      status: run.status,
      conclusion: run.conclusion,
      run_number: run.run_number,
      run_attempt: run.run_attempt,
      created_at: run.created_at,
      updated_at: run.created_at,
      run_started_at: run.run_started_at ?? run.created_at,
      actor: this.user(run.actor),
      triggering_actor: this.user(run.actor),
      // Empty for forks: https://github.com/actions/runner/issues/3444
      pull_requests: [],
      url,
      html_url: run.run_attempt === 1 ? page : `${page}/attempts/${run.run_attempt}`,
      jobs_url: `${url}/jobs`,
      logs_url: `${url}/logs`,
      artifacts_url: `${url}/artifacts`,
      repository: this.repository(repository),
      head_repository: head === null ? null : this.repository(head),
    };
  }

  job(repository, job) {
    const { full_name } = repository;
    const shape = this.#example('actions/list-jobs-for-workflow-run-attempt', full_name, (list) => list.jobs[0]);
    const { log, ...known } = job;
    return {
      ...shape,
      ...known,
      run_url: `${this.base}/repos/${full_name}/actions/runs/${job.run_id}`,
      url: `${this.base}/repos/${full_name}/actions/jobs/${job.id}`,
      html_url: `https://github.com/${full_name}/actions/runs/${job.run_id}/job/${job.id}`,
    };
  }

  artifact(repository, artifact, run) {
    const { full_name } = repository;
    const url = `${this.base}/repos/${full_name}/actions/artifacts/${artifact.id}`;
    const origin = { id: run.id, repository_id: repository.id, head_branch: run.head_branch, head_sha: run.head_sha };
    return laid(this.#example('actions/get-artifact', full_name), {
      id: artifact.id,
      name: artifact.name,
      size_in_bytes: artifact.bytes.length,
      expired: artifact.expired,
      digest: `sha256:${createHash('sha256').update(artifact.bytes).digest('hex')}`,
      created_at: artifact.created_at,
      updated_at: artifact.created_at,
      url,
      archive_download_url: `${url}/zip`,
      workflow_run: origin,
    });
  }

  workflow(repository, path, name) {
    const shape = this.#example('actions/get-workflow', repository.full_name);
    return { ...shape, id: numberOf(path), name, path };
  }

  comparison(repository, comparison) {
    const { full_name } = repository;
    const { base, head, commits, files, behind_by, total_commits } = comparison;
    const shape = this.#example('repos/compare-commits-with-basehead', full_name);
    return {
      ...shape,
      url: `${this.base}/repos/${full_name}/compare/${base.sha}...${head.sha}`,
      html_url: `https://github.com/${full_name}/compare/${base.sha}...${head.sha}`,
      base_commit: this.commit(repository, base),
      merge_base_commit: this.commit(repository, base),
      status: behind_by > 0 ? 'diverged' : total_commits > 0 ? 'ahead' : 'identical',
      ahead_by: total_commits,
      behind_by,
      total_commits,
      commits: commits.map((commit) => this.commit(repository, commit)),
      files: files.map((file) => this.file(repository, file)),
    };
  }

  content(repository, path, text, ref) {
    const bytes = Buffer.from(text);
    const url = `${this.base}/repos/${repository.full_name}/contents/${path}?ref=${ref}`;
    const sha = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
    const git_url = `${this.base}/repos/${repository.full_name}/git/blobs/${sha}`;
    const html_url = `https://github.com/${repository.full_name}/blob/${ref}/${path}`;
    return {
      type: 'file',
      encoding: 'base64',
      size: bytes.length,
      name: path.split('/').at(-1),
      path,
      // Broken into lines of sixty, as there.
      content: bytes.toString('base64').replaceAll(/.{1,60}/g, '$&\n'),
      sha,
      url,
      git_url,
      html_url,
      download_url: null,
      _links: { self: url, git: git_url, html: html_url },
    };
  }

  reference(repository, ref, sha) {
    const shape = this.#example('git/get-ref', repository.full_name);
    return laid(shape, { ref: `refs/${ref}`, object: { type: 'commit', sha } });
  }

  rateLimit() {
    return this.#example('rate-limit/get', '');
  }

  privateUser(login) {
    return { ...this.#example('users/get-authenticated', ''), ...this.user(login) };
  }
}
