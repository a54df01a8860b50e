// Repositories, their pull requests, commits and files.
import { problem } from './faults.mjs';
import { page } from './paging.mjs';

// https://docs.github.com/en/rest/commits/commits#compare-two-commits: 300 files, all on the first page.
const MOST_COMPARED_FILES = 300;
const NOT_FOUND = problem(404, 'Not Found');

const headOf = ({ state }, pull) => (pull.head.repository === null ? null : (state.repository(pull.head.repository) ?? null));
const shown = (context, pull) => context.shapes.pull(context.repository, pull, headOf(context, pull));
const pullOf = ({ repository, params }) => repository.pulls.find((pull) => pull.number === Number(params.pull_number));

export const pulls = {
  'pulls/list'(context) {
    const { repository, query } = context;
    const { state = 'open', head, base, direction = 'desc' } = query;
    // A head without an owner is no head, and filters nothing: this is how it is there.
    const [owner, ...ref] = head?.includes(':') ? head.split(':') : [];
    const found = repository.pulls
      .filter((pull) => state === 'all' || pull.state === state)
      .filter((pull) => owner === undefined || (pull.head.owner === owner && pull.head.ref === ref.join(':')))
      .filter((pull) => base === undefined || pull.base.ref === base)
      .sort((a, b) => (direction === 'desc' ? b.number - a.number : a.number - b.number));
    const { items, headers } = page(found, context);
    return { status: 200, headers, body: items.map((pull) => shown(context, pull)) };
  },

  'pulls/get'(context) {
    const pull = pullOf(context);
    if (pull === undefined) return NOT_FOUND;
    return { status: 200, body: context.shapes.wholePull(context.repository, pull, headOf(context, pull)) };
  },

  'pulls/list-files'(context) {
    const pull = pullOf(context);
    if (pull === undefined) return NOT_FOUND;
    const { items, headers } = page(pull.files, context);
    return { status: 200, headers, body: items.map((file) => context.shapes.file(context.repository, file)) };
  },

  // Nothing for heads of forks, as several projects found: the commit is not on a branch of the repository.
  'repos/list-pull-requests-associated-with-commit'(context) {
    const { repository, params } = context;
    const own = repository.pulls.filter((p) => p.head.sha === params.commit_sha && p.head.repository === repository.full_name);
    const { items, headers } = page(own, context);
    return { status: 200, headers, body: items.map((pull) => shown(context, pull)) };
  },
};

function resolved(repository, ref) {
  const name = ref.replace(/^heads\//, '');
  return repository.commits.get(repository.refs.get(`heads/${name}`) ?? ref);
}

/** A commit and its first parents, newest first. */
function history(repository, from) {
  const found = [];
  for (let at = from; at !== undefined; at = repository.commits.get(at.parents[0])) found.push(at);
  return found;
}

/** What a test said of two commits; else what their history says. */
function compared(repository, basehead) {
  const [from, to] = basehead.split('...');
  if (to === undefined) return undefined;
  const base = resolved(repository, from);
  const head = resolved(repository, to.split(':').at(-1));
  if (base === undefined || head === undefined) return undefined;
  const told = repository.comparisons.find((c) => c.base === base.sha && c.head === head.sha);
  if (told !== undefined) return { ...told, base, head, commits: told.commits.map((sha) => repository.commits.get(sha)) };
  const line = history(repository, head);
  const at = line.findIndex((commit) => commit.sha === base.sha);
  if (at < 0) return undefined;
  const commits = line.slice(0, at).reverse();
  const files = [...new Map(commits.flatMap((c) => c.files).map((f) => (typeof f === 'string' ? { filename: f } : f)).map((f) => [f.filename, f])).values()];
  return { base, head, commits, files, behind_by: 0 };
}

export const commits = {
  'repos/get': ({ shapes, repository }) => ({ status: 200, body: shapes.wholeRepository(repository) }),

  'repos/list-commits'(context) {
    const { repository, query, shapes } = context;
    const from = resolved(repository, query.sha ?? repository.default_branch);
    if (from === undefined) return NOT_FOUND;
    const { items, headers } = page(history(repository, from), context);
    return { status: 200, headers, body: items.map((commit) => shapes.commit(repository, commit)) };
  },

  'repos/get-commit'({ repository, params, shapes }) {
    const commit = resolved(repository, params.ref);
    return commit ? { status: 200, body: shapes.commit(repository, commit) } : problem(422, `No commit found for SHA: ${params.ref}`);
  },

  'repos/compare-commits-with-basehead'(context) {
    const { repository, params, query, shapes } = context;
    const found = compared(repository, params.basehead);
    if (found === undefined) return NOT_FOUND;
    const { items, headers } = page(found.commits, context);
    const files = Number(query.page ?? 1) > 1 ? [] : found.files.slice(0, MOST_COMPARED_FILES);
    const told = { ...found, commits: items, total_commits: found.commits.length, files };
    return { status: 200, headers, body: shapes.comparison(repository, told) };
  },

  'git/get-ref'({ repository, params, shapes }) {
    const sha = repository.refs.get(params.ref);
    return sha ? { status: 200, body: shapes.reference(repository, params.ref, sha) } : NOT_FOUND;
  },

  'repos/get-content'({ repository, params, query, shapes, headers }) {
    const ref = query.ref ?? repository.default_branch;
    const file = repository.contents.findLast((c) => c.path === params.path && c.ref === ref);
    if (file === undefined) return NOT_FOUND;
    if (headers.accept?.includes('raw')) {
      return { status: 200, headers: { 'content-type': 'application/vnd.github.raw+json; charset=utf-8' }, raw: file.text };
    }
    return { status: 200, body: shapes.content(repository, file.path, file.text, ref) };
  },
};
