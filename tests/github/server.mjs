#!/usr/bin/env node
// A stand-in for GitHub's REST API on loopback. Prints `http://127.0.0.1:PORT` and serves until its standard input is
// closed. What it is and what it is not: README.md.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

import { artifacts, checks, runs } from './lib/actions.mjs';
import { comments, issues, labels } from './lib/conversation.mjs';
import { Faults, problem } from './lib/faults.mjs';
import { authenticate, refusal } from './lib/permissions.mjs';
import { commits, pulls } from './lib/repositories.mjs';
import { Shapes } from './lib/shapes.mjs';
import { State } from './lib/state.mjs';
import { users } from './lib/users.mjs';
import { Description } from './lib/validation.mjs';

const HANDLERS = { ...artifacts, ...checks, ...comments, ...commits, ...issues, ...labels, ...pulls, ...runs, ...users };
// Longer ones are no test's; GitHub refuses them as well.
const MOST_BODY_BYTES = 8 * 1024 * 1024;
// A job's token may ask so often in an hour:
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#primary-rate-limit-for-github_token-in-github-actions
const HOURLY = 1000;
const JSON_TYPE = 'application/json; charset=utf-8';

class StandIn {
  constructor(description) {
    this.description = description;
    this.state = new State();
    this.faults = new Faults();
    this.journal = [];
    this.stored = new Map();
    this.servers = [];
    this.begun = performance.now();
  }

  async #listen() {
    const server = createServer((request, response) => {
      this.#serve(request, response).catch((error) => {
        // A fault of the stand-in is told as one, and is seen in the journal.
        this.#send(response, { status: 500, body: { message: `the stand-in failed: ${error.stack}` } });
        this.journal.push({ failed: String(error.stack) });
      });
    });
    // A test that waits for a program does not notice that an idle connection was closed.
    server.keepAliveTimeout = 10 * 60 * 1000;
    this.servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${server.address().port}`;
  }

  /** Serves the API, and what its redirects lead to: at another origin, as there. Gives the API's address. */
  async start() {
    this.storage = await this.#listen();
    this.base = await this.#listen();
    this.shapes = new Shapes(this.base);
    return this.base;
  }

  stop() {
    for (const server of this.servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.base);
    const text = await read(request);
    if (url.pathname.startsWith('/_control/')) return this.#send(response, this.#control(request.method, url.pathname, text));
    const entry = {
      id: this.journal.length + 1,
      at_ms: Math.round(performance.now() - this.begun),
      method: request.method,
      path: url.pathname,
      query: queryOf(url),
      headers: request.headers,
      body: parsed(text).value ?? (text === '' ? null : text),
      operation: null,
      invalid: [],
      unknown: [],
      answer_invalid: [],
      fault: null,
      status: null,
    };
    this.journal.push(entry);
    const answer = url.pathname.startsWith('/_storage/') ? this.#fetch(request, url.pathname, entry) : this.#answer(request, url, text, entry);
    if (answer === 'hang') return this.faults.hang(response);
    if (answer === 'reset') return response.destroy();
    entry.status = answer.status;
    this.#send(response, answer);
  }

  #answer(request, url, text, entry) {
    const path = this.#named(url.pathname);
    const found = this.description.find(request.method, path);
    if (found.problem !== undefined) {
      entry.invalid.push({ path: '', message: found.problem, code: 'no-operation' });
      return problem(404, 'Not Found');
    }
    const { operation, params } = found;
    entry.operation = operation.iid;
    const fault = this.faults.next(request.method, path);
    entry.fault = fault?.kind ?? null;
    if (fault?.kind === 'hang' || fault?.kind === 'reset') return fault.kind;
    const body = parsed(text);
    const element = { method: request.method, path: found.path, query: entry.query, headers: request.headers, body: body.value };
    entry.unknown = this.description.unknown(operation, element);
    const refused = this.#refused(operation, element, body, entry);
    if (refused) return refused;
    const wrong = fault && this.faults.answer(fault);
    if (wrong) return wrong;
    const context = { ...element, path, params, body: body.value ?? {}, fault, base: this.base, state: this.state, shapes: this.shapes };
    const answer = this.#act(operation, context);
    entry.answer_invalid = answer.raw === undefined ? this.#checked(operation, answer) : [];
    return answer;
  }

  /** What is refused whatever the state is: what GitHub's description, or its front door, does not let through. */
  #refused(operation, element, body, entry) {
    const say = (message, code) => entry.invalid.push({ path: '', message, code });
    // https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent-required
    if (!element.headers['user-agent']) {
      say('a request needs a user agent', 'user-agent');
      return problem(403, 'Request forbidden by administrative rules. Please make sure your request has a User-Agent header');
    }
    if (body.broken) {
      say('the body is not JSON', 'body');
      return problem(400, 'Problems parsing JSON');
    }
    entry.invalid.push(...this.description.request(operation, element));
    return entry.invalid.length > 0 ? problem(422, 'Invalid request.', entry.invalid) : undefined;
  }

  #act(operation, context) {
    const { who, refusal: unknown } = authenticate(this.state.tokens, context.headers);
    if (unknown) return unknown;
    const { owner, repo } = context.params;
    const repository = owner === undefined ? undefined : this.state.repository(`${owner}/${repo}`);
    // What is private is not there for those who may not see it.
    const hidden = repository?.private && who === null;
    if (owner !== undefined && (repository === undefined || hidden)) return problem(404, 'Not Found');
    const refused = refusal(operation.iid, context.method, who, repository);
    if (refused) return refused;
    const store = (bytes, type) => this.#store(bytes, type);
    return HANDLERS[operation.iid]({ ...context, who, repository, store });
  }

  #checked(operation, answer) {
    const type = answer.body === undefined ? {} : { 'content-type': JSON_TYPE };
    return this.description.answer(operation, { ...answer, headers: { ...type, ...answer.headers } });
  }

  /** GitHub also knows repositories by their number; its links to other pages use it. */
  #named(path) {
    const [, id, rest] = /^\/repositories\/(\d+)(\/.*)?$/.exec(path) ?? [];
    const repository = id && this.state.byId(id);
    return repository ? `/repos/${repository.full_name}${rest ?? ''}` : path;
  }

  /** Where bytes can be fetched once from, by whoever knows the address. */
  #store(bytes, type) {
    const key = randomBytes(16).toString('hex');
    this.stored.set(`/_storage/${key}`, { bytes, type });
    return `${this.storage}/_storage/${key}`;
  }

  #fetch(request, path, entry) {
    const found = this.stored.get(path);
    if (found === undefined) return { status: 404, headers: { 'content-type': 'text/plain' }, raw: 'not found' };
    // The store behind GitHub's redirects refuses an address that is signed and a token beside it. A client that sends
    // its token along hands it to somebody else.
    if (request.headers.authorization !== undefined) {
      entry.invalid.push({ path: 'headers.authorization', message: 'the token was sent to another origin', code: 'token' });
      return { status: 401, headers: { 'content-type': 'text/plain' }, raw: 'a signed address takes no authorization' };
    }
    return { status: 200, headers: { 'content-type': found.type }, raw: found.bytes };
  }

  #control(method, path, text) {
    const body = parsed(text).value;
    try {
      switch (`${method} ${path.slice('/_control/'.length)}`) {
        case 'POST add':
          return { status: 200, body: [body].flat().map((thing) => this.state.add(thing)) };
        case 'POST faults':
          for (const fault of [body].flat()) this.faults.plan(fault);
          return { status: 200, body: {} };
        case 'DELETE faults':
          this.faults.heal();
          return { status: 200, body: {} };
        case 'DELETE state':
          this.#forget();
          return { status: 200, body: {} };
        case 'GET requests':
          return { status: 200, body: this.journal };
        case 'GET state':
          return { status: 200, body: this.state.summary() };
        default:
          return { status: 404, body: { message: `no control is called ${method} ${path}` } };
      }
    } catch (error) {
      return { status: 400, body: { message: error.message } };
    }
  }

  /** As it was at the start. */
  #forget() {
    this.faults.heal();
    this.state = new State();
    this.journal = [];
    this.stored.clear();
  }

  #send(response, { status, headers = {}, body, raw }) {
    const content = raw ?? (body === undefined ? '' : JSON.stringify(body));
    const usual = {
      ...(body === undefined ? {} : { 'content-type': JSON_TYPE }),
      'content-length': Buffer.byteLength(content),
      'x-github-request-id': randomBytes(8).toString('hex').toUpperCase(),
      'x-ratelimit-limit': String(HOURLY),
      'x-ratelimit-remaining': String(Math.max(0, HOURLY - this.journal.length)),
    };
    response.writeHead(status, { ...usual, ...headers });
    response.end(content);
  }
}

async function read(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size <= MOST_BODY_BYTES) parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parsed(text) {
  if (text === '') return {};
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { broken: true };
  }
}

function queryOf(url) {
  const names = [...new Set(url.searchParams.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const values = url.searchParams.getAll(name);
      return [name, values.length > 1 ? values : values[0]];
    }),
  );
}

const description = await Description.load();
const unhandled = description.operations.filter((operation) => !(operation in HANDLERS));
if (unhandled.length > 0) throw new Error(`nothing answers ${unhandled.join(', ')}`);
const standIn = new StandIn(description);
console.log(await standIn.start());
process.stdin.on('end', () => {
  standIn.stop();
  process.exit(0);
});
process.stdin.resume();
