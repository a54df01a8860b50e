// Inputs for tests of plugins that run without WebAssembly. Types and documentation: testing.d.ts.

import { Attempt, Blob, memory } from './inputs.js';

const bytes = (content) => (typeof content === 'string' ? new TextEncoder().encode(content) : content);

export function configured(plugin, settings = {}) {
  const made = plugin.configure === undefined ? settings : plugin.configure(settings);
  const call = (name) => (plugin[name] === undefined ? undefined : (...args) => plugin[name](...args, made));
  return { judge: call('judge'), classify: call('classify'), summarise: call('summarise'), parse: call('parse'), render: call('render') };
}

export function evidence(id = 'test/a.test.js > b', { ran = 20, failed = 0, groups, ...fields } = {}) {
  const rate = ran === 0 ? 0 : failed / ran;
  const assertion = { fingerprint: '0'.repeat(16), count: failed, kind: 'AssertionError', message: '1 !== 2', trace: '' };
  const zero = { errored: 0, timedOut: 0, crashed: 0, skipped: 0, missing: 0, retried: 0, expectedFailures: 0, unexpectedPasses: 0 };
  return {
    id,
    counts: { ran, passed: ran - failed, failed, ...zero },
    failures: failed,
    rate,
    interval: { low: rate, high: rate, level: 0.95 },
    bounds: { failureAtMost: 1, passAtMost: 1, level: 0.95 },
    failingSeeds: Array.from({ length: failed }, (_, i) => BigInt(i + 1)),
    groups: groups ?? (failed > 0 ? [assertion] : []),
    effects: [],
    failedInCi: false,
    tags: [],
    more: {},
    ...fields,
  };
}

export function attempt({ stdout = '', stderr = '', reports = {}, treeFiles = {}, exitCode = 0, command = [], cut, chunk } = {}) {
  const given = [
    [{ tag: 'stdout' }, stdout],
    [{ tag: 'stderr' }, stderr],
    ...Object.entries(reports).map(([path, content]) => [{ tag: 'report', val: path }, content]),
    ...Object.entries(treeFiles).map(([path, content]) => [{ tag: 'tree', val: path }, content]),
  ];
  const info = {
    index: 0,
    seed: 0n,
    command,
    exit: { code: exitCode, signal: undefined, timedOut: false },
    durationNs: 0n,
    conditions: [],
    sources: given.map(([source]) => source),
  };
  const open = (wanted) => {
    const found = given.find(([source]) => source.tag === wanted.tag && source.val === wanted.val);
    return found && memory(bytes(found[1]), { cut: wanted.tag === 'stdout' ? cut : undefined, chunk });
  };
  return new Attempt(info, open);
}

export const blob = (content, options) => new Blob(memory(bytes(content), options));

export const context = (fields = {}) => ({ width: undefined, colour: false, reportVersion: 1, more: {}, ...fields });
