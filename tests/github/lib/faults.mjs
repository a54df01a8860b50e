// What goes wrong on demand: the answers that GitHub gives on a bad day, and those that never come.

const DOCUMENTATION = 'https://docs.github.com/rest';
// A moment that is always ahead, whatever the clock of the test says: 2100-01-01.
const FAR_AHEAD = 4102444800;

/** Answers by name, of what the test asked for. */
const ANSWERS = {
  'no-permission': (fault) => ({
    ...problem(403, 'Resource not accessible by integration'),
    headers: { 'x-accepted-github-permissions': fault.permissions ?? 'issues=write; pull_requests=write' },
  }),
  // https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
  'primary-rate-limit': (fault) => ({
    ...problem(fault.status ?? 403, 'API rate limit exceeded for installation ID 1234.'),
    headers: {
      'x-ratelimit-limit': '1000',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-used': '1000',
      'x-ratelimit-reset': String(fault.reset ?? FAR_AHEAD),
    },
  }),
  'secondary-rate-limit': (fault) => ({
    ...problem(
      fault.status ?? 403,
      'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
    ),
    headers: fault.retry_after === null ? {} : { 'retry-after': String(fault.retry_after ?? 60) },
  }),
  'not-found': () => problem(404, 'Not Found'),
  gone: () => problem(410, 'Artifact has expired'),
  unprocessable: (fault) => problem(422, fault.message ?? 'Validation Failed'),
  'server-error': (fault) => ({
    status: fault.status ?? 502,
    headers: { 'content-type': 'text/html' },
    raw: '<html><head><title>Unicorn!</title></head><body>We had issues producing the response.</body></html>',
  }),
  'not-json': () => ({ status: 200, headers: { 'content-type': 'application/json' }, raw: '{"id": 1, "body": ' }),
};

/** Faults without an answer of their own. */
const OTHER = new Set(['hang', 'reset', 'race', 'none']);

export function problem(status, message, errors) {
  const body = { message, ...(errors ? { errors } : {}), documentation_url: DOCUMENTATION, status: String(status) };
  return { status, body };
}

export class Faults {
  #planned = [];
  #hanging = new Set();

  /** Plans `{ method, path, times, kind, … }`: `path` is a pattern, `times` how many requests it meets (null: all). */
  plan(fault) {
    if (!(fault.kind in ANSWERS) && !OTHER.has(fault.kind)) throw new Error(`no fault is called \`${fault.kind}\``);
    const times = fault.times === undefined ? 1 : fault.times;
    this.#planned.push({ ...fault, left: times === null ? Infinity : times, pattern: new RegExp(fault.path ?? '') });
  }

  /** The fault that this request meets, if any: the first planned one that is left. */
  next(method, path) {
    const fault = this.#planned.find(
      (f) => f.left > 0 && (f.method === undefined || f.method === method) && f.pattern.test(path),
    );
    if (fault === undefined) return undefined;
    fault.left -= 1;
    return fault;
  }

  answer(fault) {
    return ANSWERS[fault.kind]?.(fault);
  }

  hang(response) {
    this.#hanging.add(response);
    response.on('close', () => this.#hanging.delete(response));
  }

  /** Nothing goes wrong any more; what hung is broken off. */
  heal() {
    this.#planned = [];
    for (const response of this.#hanging) response.destroy();
    this.#hanging.clear();
  }
}
