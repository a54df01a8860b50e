// Issues, comments, labels, pull requests and search.
import { problem } from './faults.mjs';
import { page } from './paging.mjs';

// "Body is too long (maximum is 65536 characters)": what GitHub answers beyond. That it counts code points is our choice.
export const MOST_CHARACTERS = 65536;
const NOT_FOUND = problem(404, 'Not Found');

function tooLong(resource, text) {
  if (typeof text !== 'string' || [...text].length <= MOST_CHARACTERS) return undefined;
  const message = `body is too long (maximum is ${MOST_CHARACTERS} characters)`;
  return problem(422, 'Validation Failed', [{ resource, code: 'custom', field: 'body', message }]);
}

function blank(resource, field) {
  return problem(422, 'Validation Failed', [{ resource, code: 'missing_field', field }]);
}

const kindOf = (repository, number) => (repository.issue(number)?.pull ? 'pull' : 'issues');
const shown = ({ shapes, repository }, comment) => shapes.comment(repository, comment, kindOf(repository, comment.issue));
const commentOf = ({ repository, params }) => repository.comments.find((c) => c.id === Number(params.comment_id));
const countOf = (repository, number) => repository.comments.filter((c) => c.issue === number).length;
const shownIssue = ({ shapes, repository }, issue) => shapes.issue(repository, issue, countOf(repository, issue.number));
const names = (labels) => labels.map((label) => (typeof label === 'string' ? { name: label } : label));

export const comments = {
  'issues/list-comments'(context) {
    const { repository, params, query } = context;
    const number = Number(params.issue_number);
    if (repository.issue(number) === undefined) return NOT_FOUND;
    const since = query.since === undefined ? '' : new Date(query.since).toISOString().replace('.000Z', 'Z');
    const all = repository.comments.filter((c) => c.issue === number && c.updated_at >= since);
    const { items, headers } = page(all, context);
    return { status: 200, headers, body: items.map((comment) => shown(context, comment)) };
  },

  'issues/create-comment'(context) {
    const { state, repository, params, body, who, fault } = context;
    const number = Number(params.issue_number);
    if (repository.issue(number) === undefined) return NOT_FOUND;
    const refused = body.body.trim() === '' ? blank('IssueComment', 'body') : tooLong('IssueComment', body.body);
    if (refused) return refused;
    // Another run of the same job got there between our look and our word.
    if (fault?.kind === 'race') state.comment(repository, number, fault.user ?? who.login, fault.body ?? body.body);
    const comment = state.comment(repository, number, who.login, body.body);
    const told = shown(context, comment);
    return { status: 201, headers: { location: told.url }, body: told };
  },

  'issues/get-comment'(context) {
    const comment = commentOf(context);
    return comment ? { status: 200, body: shown(context, comment) } : NOT_FOUND;
  },

  'issues/update-comment'(context) {
    const comment = commentOf(context);
    if (comment === undefined) return NOT_FOUND;
    const refused = tooLong('IssueComment', context.body.body);
    if (refused) return refused;
    comment.body = context.body.body;
    comment.updated_at = context.state.now();
    return { status: 200, body: shown(context, comment) };
  },

  'issues/delete-comment'({ repository, params }) {
    const at = repository.comments.findIndex((c) => c.id === Number(params.comment_id));
    if (at < 0) return NOT_FOUND;
    repository.comments.splice(at, 1);
    return { status: 204 };
  },
};

function matching(repository, { state = 'open', labels, creator }) {
  const wanted = labels === undefined ? [] : labels.split(',').map((label) => label.toLowerCase());
  return repository.issues
    .filter((issue) => state === 'all' || issue.state === state)
    .filter((issue) => creator === undefined || issue.user === creator)
    .filter((issue) => wanted.every((label) => issue.labels.some((l) => l.name.toLowerCase() === label)))
    .sort((a, b) => b.number - a.number);
}

export const issues = {
  'issues/list-for-repo'(context) {
    const { items, headers } = page(matching(context.repository, context.query), context);
    return { status: 200, headers, body: items.map((issue) => shownIssue(context, issue)) };
  },

  'issues/create'(context) {
    const { state, repository, body, who } = context;
    const refused = tooLong('Issue', body.body);
    if (refused) return refused;
    const labels = names(body.labels ?? []);
    const issue = state.openIssue(repository, { title: String(body.title), body: body.body ?? null, user: who.login, labels });
    const told = shownIssue(context, issue);
    return { status: 201, headers: { location: told.url }, body: told };
  },

  'issues/get'(context) {
    const issue = context.repository.issue(context.params.issue_number);
    return issue ? { status: 200, body: shownIssue(context, issue) } : NOT_FOUND;
  },

  'issues/update'(context) {
    const { state, repository, body, params } = context;
    const issue = repository.issue(params.issue_number);
    if (issue === undefined) return NOT_FOUND;
    const refused = tooLong('Issue', body.body);
    if (refused) return refused;
    for (const key of ['title', 'body', 'state', 'state_reason']) if (body[key] !== undefined) issue[key] = body[key];
    if (body.labels !== undefined) issue.labels = names(body.labels).map((label) => state.label(repository, label));
    issue.updated_at = state.now();
    return { status: 200, body: shownIssue(context, issue) };
  },

  'search/issues-and-pull-requests'(context) {
    const { state, shapes, query, who } = context;
    const found = [...state.repositories.values()].flatMap((repository) =>
      repository.private && who === null ? [] : repository.issues.filter((issue) => sought(query.q, repository, issue)).map((issue) => [repository, issue]),
    );
    const { items, headers } = page(found, context);
    const shape = ([repository, issue]) => ({ ...shapes.issue(repository, issue, countOf(repository, issue.number)), score: 1 });
    return { status: 200, headers, body: { total_count: found.length, incomplete_results: false, items: items.map(shape) } };
  },
};

const QUALIFIERS = {
  repo: (value, repository) => repository.full_name.toLowerCase() === value.toLowerCase(),
  is: (value, _, issue) => ({ issue: !issue.pull, pr: issue.pull, open: issue.state === 'open', closed: issue.state === 'closed' })[value],
  type: (value, _, issue) => (value === 'pr') === issue.pull,
  state: (value, _, issue) => issue.state === value,
  label: (value, _, issue) => issue.labels.some((label) => label.name.toLowerCase() === value.toLowerCase()),
  author: (value, _, issue) => issue.user.replace('[bot]', '') === value.replace(/^app\//, ''),
  in: () => true,
};

/** Whether an issue is what `q` asks for: qualifiers, and words of title and text. */
function sought(q, repository, issue) {
  const terms = q.match(/(?:[^\s"]*"[^"]*"|\S+)/g) ?? [];
  const text = `${issue.title}\n${issue.body ?? ''}`.toLowerCase();
  return terms.every((term) => {
    const [, name, value] = /^([a-z]+):(.+)$/.exec(term) ?? [];
    const bare = (value ?? term).replaceAll('"', '');
    return name in QUALIFIERS ? QUALIFIERS[name](bare, repository, issue) : text.includes(bare.toLowerCase());
  });
}

function changeLabels(context, change) {
  const { state, repository, shapes, params } = context;
  const issue = repository.issue(params.issue_number);
  if (issue === undefined) return NOT_FOUND;
  const refused = change(issue, (list) => names(list ?? []).map((label) => state.label(repository, label)));
  if (refused) return refused;
  issue.updated_at = state.now();
  return { status: 200, body: issue.labels.map((label) => shapes.label(repository, label)) };
}

const given = (body) => (Array.isArray(body) ? body : body?.labels);

export const labels = {
  'issues/list-labels-for-repo'(context) {
    const { items, headers } = page(context.repository.labels, context);
    return { status: 200, headers, body: items.map((label) => context.shapes.label(context.repository, label)) };
  },

  'issues/create-label'({ state, repository, shapes, body }) {
    if (repository.labels.some((label) => label.name.toLowerCase() === body.name.toLowerCase())) {
      return problem(422, 'Validation Failed', [{ resource: 'Label', code: 'already_exists', field: 'name' }]);
    }
    return { status: 201, body: shapes.label(repository, state.label(repository, body)) };
  },

  'issues/get-label'({ repository, shapes, params }) {
    const label = repository.labels.find((l) => l.name.toLowerCase() === params.name.toLowerCase());
    return label ? { status: 200, body: shapes.label(repository, label) } : NOT_FOUND;
  },

  'issues/list-labels-on-issue': (context) => changeLabels(context, () => undefined),

  'issues/add-labels': (context) =>
    changeLabels(context, (issue, known) => {
      issue.labels = [...new Set([...issue.labels, ...known(given(context.body))])];
    }),

  'issues/set-labels': (context) =>
    changeLabels(context, (issue, known) => {
      issue.labels = known(given(context.body));
    }),

  'issues/remove-label': (context) =>
    changeLabels(context, (issue) => {
      const at = issue.labels.findIndex((label) => label.name.toLowerCase() === context.params.name.toLowerCase());
      if (at < 0) return problem(404, 'Label does not exist');
      issue.labels.splice(at, 1);
      return undefined;
    }),
};
