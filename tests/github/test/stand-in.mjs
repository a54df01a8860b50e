// The stand-in as a process of its own, as the tests of the project have it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

import { Octokit } from '@octokit/rest';

const SERVER = fileURLToPath(new URL('../server.mjs', import.meta.url));
export const TOKEN = 'ghs_STAND0IN';
export const AT = { owner: 'acme', repo: 'shop' };

export async function start() {
  const child = spawn(process.execPath, [SERVER], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [base] = await once(createInterface({ input: child.stdout }), 'line');
  const told = async (method, path, body) => {
    const response = await fetch(`${base}/_control/${path}`, { method, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.message);
    return answer;
  };
  return {
    base,
    child,
    add: (...things) => told('POST', 'add', things.map((thing) => ({ repository: 'acme/shop', ...thing }))),
    fault: (...faults) => told('POST', 'faults', faults),
    heal: () => told('DELETE', 'faults'),
    forget: () => told('DELETE', 'state'),
    journal: () => told('GET', 'requests'),
    state: async () => (await told('GET', 'state')).repositories[0],
    octokit: (token = TOKEN) => new Octokit({ baseUrl: base, auth: token, log: { debug() {}, info() {}, warn() {}, error() {} } }),
    ask: (method, path, body, headers = {}) =>
      fetch(base + path, { method, redirect: 'manual', headers: { authorization: `Bearer ${TOKEN}`, ...headers }, body }),
    async stop() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** A repository with one pull request from a fork. */
export async function withPull() {
  const github = await start();
  await github.add(
    { kind: 'repository', full_name: 'acme/shop' },
    { kind: 'repository', full_name: 'mona/shop', fork: true },
    { kind: 'pull', number: 7, title: 'Faster carts', head: { repository: 'mona/shop', ref: 'faster', sha: 'a'.repeat(40) }, files: ['src/cart.py'] },
  );
  return github;
}
