// Runs a job of a workflow as a runner would, as far as our action goes: expressions are evaluated by GitHub's own
// library, steps of the action are run by a real bash. `flaky` and `curl` can be replaced by programs that write down how they were called.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Evaluator, Lexer, Parser, data } from '@actions/expressions';
import { parse } from 'yaml';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const workflow = (name) => parse(readFileSync(join(ROOT, 'examples/github', name), 'utf8'));
export const action = () => parse(readFileSync(join(ROOT, 'action.yml'), 'utf8'));
export const event = (name) => JSON.parse(readFileSync(join(ROOT, 'tests/github/events', `${name}.json`), 'utf8'));

function asData(value) {
  if (value === null || value === undefined) return new data.Null();
  if (Array.isArray(value)) return new data.Array(...value.map(asData));
  if (typeof value === 'object') {
    return new data.Dictionary(...Object.entries(value).map(([key, part]) => ({ key, value: asData(part) })));
  }
  if (typeof value === 'number') return new data.NumberData(value);
  return typeof value === 'boolean' ? new data.BooleanData(value) : new data.StringData(value);
}

// What a condition asks of the steps before it, of which none failed.
const STATUS = [['always', true], ['failure', true], ['success', true], ['cancelled', false]];
const functions = STATUS.map(([name, value]) => ({ name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(value) }));

function evaluate(expression, contexts) {
  const { tokens } = new Lexer(expression).lex();
  const tree = new Parser(tokens, Object.keys(contexts), functions).parse();
  const known = new Map(functions.map((one) => [one.name, one]));
  return new Evaluator(tree, asData(contexts), known).evaluate();
}

/** A text with its `${{ … }}` filled in. */
export function filled(text, contexts) {
  return String(text).replace(/\$\{\{(.+?)\}\}/gs, (_, expression) => evaluate(expression.trim(), contexts).coerceString());
}

/** Whether a condition holds. */
export function holds(condition, contexts) {
  const bare = String(condition).replace(/^\$\{\{(.*)\}\}$/s, '$1');
  const value = evaluate(bare.trim(), contexts);
  return value.kind === data.Kind.Boolean ? value.value : value.coerceString() !== '';
}

/** What a workflow sees that was started by a recorded event. */
export function contextsOf(name, payload = event(name)) {
  const github = { event_name: name.split('/')[0], event: payload, repository: payload.repository.full_name, ref: 'refs/heads/main', token: 'ghs_STAND0IN' };
  return { github, runner: { temp: '/runner/temp' }, secrets: { RUNPOD_API_KEY: 'rpa_KEY' }, vars: { RUNPOD_ENDPOINT_ID: 'endpoint' }, steps: {}, needs: {} };
}

/** A folder for one job, with programs that take the place of others. */
export class Runner {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'flaky-job-'));
    this.programs = join(this.folder, 'programs');
    for (const name of ['programs', 'temp', 'work']) mkdirSync(join(this.folder, name));
    for (const name of ['output', 'path']) writeFileSync(join(this.folder, name), '');
  }

  /** A program that runs `script` (bash) when it is called. */
  program(name, script) {
    const file = join(this.programs, name);
    writeFileSync(file, `#!/usr/bin/env bash\n${script}\n`);
    chmodSync(file, 0o755);
  }

  /** `flaky` writes down its arguments, one a line with its end marked, and what it was given as a token. */
  fakeFlaky({ status = 0, writes = '' } = {}) {
    const said = `printf '%s\\0' "$@" >'${this.folder}/arguments'\nprintf '%s' "\${GITHUB_TOKEN-unset}" >'${this.folder}/token'\npwd >'${this.folder}/cwd'`;
    this.program('flaky', `${said}\n${writes}\nexit ${status}`);
  }

  get arguments() {
    if (!existsSync(join(this.folder, 'arguments'))) return null;
    return this.read('arguments').split('\0').slice(0, -1);
  }

  read(name) {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  get environment() {
    return {
      PATH: `${this.programs}:${process.env.PATH}`,
      HOME: this.folder,
      RUNNER_TEMP: join(this.folder, 'temp'),
      RUNNER_OS: 'Linux',
      RUNNER_ARCH: 'X64',
      GITHUB_OUTPUT: join(this.folder, 'output'),
      GITHUB_PATH: join(this.folder, 'path'),
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_REPOSITORY: 'acme/shop',
      GITHUB_RUN_ID: '9100000001',
    };
  }

  bash(script, env = {}) {
    const file = join(this.folder, 'step.sh');
    writeFileSync(file, script);
    // As the runner calls it for `shell: bash`.
    const ended = spawnSync('bash', ['--noprofile', '--norc', '-e', '-o', 'pipefail', file], {
      cwd: join(this.folder, 'work'), env: { ...this.environment, ...env }, encoding: 'utf8', timeout: 60_000,
    });
    return { status: ended.status, text: ended.stdout + ended.stderr };
  }

  /** The steps of our action that these inputs call, without the installation. */
  act(given, env = {}, root = ROOT) {
    const { inputs: declared, runs } = action();
    const unknown = Object.keys(given).filter((name) => !(name in declared));
    if (unknown.length > 0) throw new Error(`the action has no input ${unknown}`);
    const inputs = Object.fromEntries(Object.entries(declared).map(([name, { default: usual }]) => [name, given[name] ?? usual]));
    let ended = { status: 0, text: '' };
    for (const step of runs.steps.slice(1)) {
      if (!holds(step.if, { inputs })) continue;
      const own = Object.fromEntries(Object.entries(step.env).map(([name, text]) => [name, filled(text, { inputs })]));
      ended = this.bash(step.run, { GITHUB_ACTION_PATH: root, ...own, ...env });
    }
    return ended;
  }
}

/** The inputs that a job of a workflow calls our action with. */
export function inputsOf(job, contexts) {
  const step = job.steps.find(({ uses }) => uses?.startsWith('flaky-rs/flaky@'));
  return Object.fromEntries(Object.entries(step.with).map(([name, text]) => [name, filled(text, contexts)]));
}
