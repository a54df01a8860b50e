// Who asks, and what they may do. Of each operation: the permissions of which one is enough, as GitHub lists them at
// "Permissions required for GitHub Apps" of its REST documentation.
import { problem } from './faults.mjs';

const ISSUES_OR_PULLS = (level) => [{ issues: level }, { pull_requests: level }];
const LEVELS = { read: 1, write: 2 };

const NEEDED = {
  'issues/create': [{ issues: 'write' }],
  'issues/update': ISSUES_OR_PULLS('write'),
  'issues/create-comment': ISSUES_OR_PULLS('write'),
  'issues/update-comment': ISSUES_OR_PULLS('write'),
  'issues/delete-comment': ISSUES_OR_PULLS('write'),
  'issues/add-labels': ISSUES_OR_PULLS('write'),
  'issues/set-labels': ISSUES_OR_PULLS('write'),
  'issues/remove-label': ISSUES_OR_PULLS('write'),
  'issues/create-label': ISSUES_OR_PULLS('write'),
  'issues/get': [{ issues: 'read' }],
  'issues/list-for-repo': [{ issues: 'read' }],
  'issues/get-comment': ISSUES_OR_PULLS('read'),
  'issues/list-comments': ISSUES_OR_PULLS('read'),
  'issues/list-labels-on-issue': ISSUES_OR_PULLS('read'),
  'issues/list-labels-for-repo': ISSUES_OR_PULLS('read'),
  'issues/get-label': ISSUES_OR_PULLS('read'),
  'checks/create': [{ checks: 'write' }],
  'checks/update': [{ checks: 'write' }],
  'checks/get': [{ checks: 'read' }],
  'checks/list-for-ref': [{ checks: 'read' }],
  'checks/list-annotations': [{ checks: 'read' }],
  'pulls/list': [{ pull_requests: 'read' }],
  'pulls/get': [{ pull_requests: 'read' }],
  'pulls/list-files': [{ pull_requests: 'read' }],
  'repos/list-pull-requests-associated-with-commit': [{ pull_requests: 'read' }],
  'repos/get-content': [{ contents: 'read' }],
  'repos/list-commits': [{ contents: 'read' }],
  'repos/get-commit': [{ contents: 'read' }],
  'repos/compare-commits-with-basehead': [{ contents: 'read' }],
  'git/get-ref': [{ contents: 'read' }],
};

// Everybody may read what is public, except these: they ask for a token that may read Actions, also of a public
// repository. (Of logs and archives GitHub's documentation says so; that listing needs nothing is our choice.)
const NEVER_PUBLIC = new Set(['actions/download-artifact', 'actions/download-job-logs-for-workflow-run']);
const NO_PERMISSION = new Set(['repos/get', 'rate-limit/get', 'search/issues-and-pull-requests', 'users/get-authenticated']);

function needed(operation) {
  return NEEDED[operation] ?? (NO_PERMISSION.has(operation) ? [] : [{ actions: 'read' }]);
}

function grants(held, alternative) {
  return Object.entries(alternative).every(([name, level]) => (LEVELS[held[name]] ?? 0) >= LEVELS[level]);
}

/** As GitHub writes it: `;` between alternatives. */
function header(alternatives) {
  return alternatives.map((one) => Object.entries(one).map(([name, level]) => `${name}=${level}`).join(',')).join('; ');
}

/** Who holds the token of a request: `{ who }`, or the refusal as `{ refusal }`. */
export function authenticate(tokens, headers) {
  const given = headers.authorization;
  if (given === undefined) return { who: null };
  const token = /^(?:bearer|token) (.+)$/i.exec(given)?.[1];
  const who = tokens.get(token);
  return who === undefined ? { refusal: problem(401, 'Bad credentials') } : { who };
}

/** The refusal that a request meets for want of a permission; undefined when it may pass. */
export function refusal(operation, method, who, repository) {
  const alternatives = needed(operation);
  const isPublic = repository !== undefined && !repository.private;
  if (who === null) {
    if (method === 'GET' && isPublic && !NEVER_PUBLIC.has(operation)) return undefined;
    return operation === 'rate-limit/get' ? undefined : problem(401, 'Requires authentication');
  }
  // The token of a job is no user.
  if (operation === 'users/get-authenticated' && who.type === 'installation') {
    return problem(403, 'Resource not accessible by integration');
  }
  if (who.type === 'user' || alternatives.length === 0) return undefined;
  const reads = alternatives.every((one) => Object.values(one).every((level) => level === 'read'));
  if (reads && isPublic && !NEVER_PUBLIC.has(operation)) return undefined;
  if (alternatives.some((one) => grants(who.permissions, one))) return undefined;
  const refused = problem(403, 'Resource not accessible by integration');
  return { ...refused, headers: { 'x-accepted-github-permissions': header(alternatives) } };
}
