// What the stand-in knows: repositories and what is in them. Tests add to it, requests change it.
import { numberOf, shaOf } from './shapes.mjs';

// Every change is a second later than the one before, so that the order of things is never in doubt.
const EPOCH = Date.parse('2026-01-01T00:00:00Z');

/** The token that is there from the beginning: a job's, with what our reporters ask for. */
export const JOB_TOKEN = {
  token: 'ghs_STAND0IN',
  type: 'installation',
  login: 'github-actions[bot]',
  permissions: { metadata: 'read', contents: 'read', actions: 'read', checks: 'write', issues: 'write', pull_requests: 'write' },
};

class Repository {
  constructor({ full_name, id, private: isPrivate = false, default_branch = 'main', fork = false }) {
    const [owner, name] = full_name.split('/');
    Object.assign(this, { full_name, owner, name, id: id ?? numberOf(full_name), private: isPrivate, default_branch, fork });
    Object.assign(this, { pulls: [], issues: [], comments: [], labels: [], checks: [], runs: [], jobs: [], artifacts: [] });
    Object.assign(this, { commits: new Map(), comparisons: [], contents: [], refs: new Map() });
  }

  issue(number) {
    return this.issues.find((issue) => issue.number === Number(number));
  }
}

export class State {
  repositories = new Map();
  tokens = new Map([[JOB_TOKEN.token, JOB_TOKEN]]);
  #changes = 0;
  #ids = 1000;

  now() {
    this.#changes += 1;
    return new Date(EPOCH + this.#changes * 1000).toISOString().replace('.000Z', 'Z');
  }

  id() {
    this.#ids += 1;
    return this.#ids;
  }

  repository(name) {
    return [...this.repositories.values()].find((r) => r.full_name.toLowerCase() === name.toLowerCase());
  }

  byId(id) {
    return [...this.repositories.values()].find((r) => r.id === Number(id));
  }

  /** Adds one thing that a test describes; gives what it is known by. */
  add({ kind, ...thing }) {
    const adding = ADDING[kind];
    if (adding === undefined) throw new Error(`nothing of the kind \`${kind}\` can be added`);
    if (kind === 'token' || kind === 'repository') return adding(this, thing);
    const { repository: name, ...rest } = thing;
    const repository = this.repository(name ?? '');
    if (repository === undefined) throw new Error(`there is no repository \`${name}\` to add a ${kind} to`);
    return adding(this, rest, repository);
  }

  openIssue(repository, { title, body = null, user, labels = [], pull = false, number, state = 'open' }) {
    const at = this.now();
    const highest = Math.max(0, ...repository.issues.map((issue) => issue.number));
    const issue = { number: number ?? highest + 1, title, body, user, pull, state, created_at: at, updated_at: at };
    issue.labels = labels.map((label) => this.label(repository, label));
    repository.issues.push(issue);
    return issue;
  }

  /** The label of that name; GitHub makes it where an issue is given one that is not there. */
  label(repository, { name, color = 'ededed', description = null }) {
    const known = repository.labels.find((label) => label.name.toLowerCase() === name.toLowerCase());
    if (known !== undefined) return known;
    const label = { name, color, description };
    repository.labels.push(label);
    return label;
  }

  comment(repository, issue, user, body) {
    const at = this.now();
    const comment = { id: this.id(), issue, user, body, created_at: at, updated_at: at };
    repository.comments.push(comment);
    return comment;
  }

  /** Everything, for tests to look at. */
  summary() {
    const repositories = [...this.repositories.values()].map((repository) => ({
      ...repository,
      artifacts: repository.artifacts.map(({ bytes, ...rest }) => ({ ...rest, size: bytes.length })),
      commits: [...repository.commits.values()],
      refs: Object.fromEntries(repository.refs),
    }));
    return { repositories };
  }
}

const ADDING = {
  token(state, { token, type = 'installation', login = JOB_TOKEN.login, permissions = {} }) {
    state.tokens.set(token, { token, type, login, permissions });
    return { token };
  },

  repository(state, thing) {
    const repository = new Repository(thing);
    state.repositories.set(repository.full_name, repository);
    return { id: repository.id };
  },

  /** `head` is `{ repository, ref, sha, owner }`; null is what was deleted: a fork, or the whole account. */
  pull(state, { number, title = 'A change', body = null, user, head, base, draft = false, state: stands = 'open', files = [] }, repository) {
    const ofFork = head.repository === null ? null : (head.repository ?? repository.full_name).split('/')[0];
    const owner = head.owner ?? ofFork;
    const author = user ?? owner ?? 'ghost';
    const issue = state.openIssue(repository, { number, title, body, user: author, pull: true, state: stands });
    const from = { owner, repository: head.repository === undefined ? repository.full_name : head.repository };
    repository.pulls.push({
      number: issue.number,
      title,
      body,
      user: author,
      draft,
      state: stands,
      files: files.map((file) => (typeof file === 'string' ? { filename: file } : file)),
      created_at: issue.created_at,
      head: { ...from, ref: head.ref, sha: head.sha ?? shaOf(head.ref) },
      base: { ref: repository.default_branch, sha: shaOf(repository.default_branch), ...base },
    });
    return { number: issue.number };
  },

  issue(state, { user = 'octocat', labels = [], ...thing }, repository) {
    const named = labels.map((label) => (typeof label === 'string' ? { name: label } : label));
    return { number: state.openIssue(repository, { ...thing, user, labels: named }).number };
  },

  comment(state, { issue, user = 'octocat', body = 'Me too', times = 1 }, repository) {
    const made = Array.from({ length: times }, () => state.comment(repository, issue, user, body));
    return { id: made.at(-1).id };
  },

  label(state, label, repository) {
    return { name: state.label(repository, label).name };
  },

  commit(state, { sha, message = 'A change', name = 'Octo Cat', login = null, parents = [], files = [], date, branch }, repository) {
    const commit = { sha, message, name, login, parents, files, date: date ?? state.now() };
    repository.commits.set(sha, commit);
    if (branch !== undefined) repository.refs.set(`heads/${branch}`, sha);
    return { sha };
  },

  /** `commits` are ids of known commits, oldest first; `files` paths or whole files. */
  comparison(state, { base, head, commits, files = [], behind_by = 0 }, repository) {
    const whole = files.map((file) => (typeof file === 'string' ? { filename: file } : file));
    repository.comparisons.push({ base, head, commits, files: whole, behind_by });
    return { basehead: `${base}...${head}` };
  },

  content(state, { path, text, ref }, repository) {
    repository.contents.push({ path, text, ref: ref ?? repository.default_branch });
    return { path };
  },

  run(state, thing, repository) {
    const given = Object.fromEntries(Object.entries(thing).filter(([, value]) => value !== undefined));
    const run = {
      id: state.id(),
      name: 'CI',
      path: '.github/workflows/ci.yml',
      event: 'pull_request',
      status: 'completed',
      conclusion: 'failure',
      run_attempt: 1,
      run_number: repository.runs.length + 1,
      actor: 'octocat',
      head_branch: repository.default_branch,
      head_sha: shaOf(repository.default_branch),
      head_repository: repository.full_name,
      created_at: state.now(),
      ...given,
    };
    repository.runs.push(run);
    return { id: run.id };
  },

  job(state, { run_id, run_attempt = 1, name = 'test', conclusion = 'failure', log = '', steps = [], id }, repository) {
    const run = repository.runs.find((r) => r.id === run_id);
    if (run === undefined) throw new Error(`there is no run ${run_id} to add a job to`);
    const at = state.now();
    const job = { id: id ?? state.id(), run_id, run_attempt, name, conclusion, status: 'completed', log, steps };
    repository.jobs.push({ ...job, head_sha: run.head_sha, head_branch: run.head_branch, workflow_name: run.name, created_at: at, started_at: at, completed_at: at });
    return { id: job.id };
  },

  artifact(state, { run_id, name, base64, expired = false, id, created_at }, repository) {
    if (!repository.runs.some((r) => r.id === run_id)) throw new Error(`there is no run ${run_id} to add an artifact to`);
    const artifact = { id: id ?? state.id(), run_id, name, expired, bytes: Buffer.from(base64, 'base64'), created_at: created_at ?? state.now() };
    repository.artifacts.push(artifact);
    return { id: artifact.id };
  },
};
