import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LONGEST_LINE, PluginError } from '../src/index.js';
import { attempt, blob } from '../src/testing.js';

const TEXTS = {
  empty: ['', []],
  'no end': ['a', ['a']],
  unix: ['a\nb\n', ['a', 'b']],
  windows: ['a\r\nb\r\n', ['a', 'b']],
  'empty lines': ['\n\na\n', ['', '', 'a']],
  'no UTF-8': [new Uint8Array([97, 255, 98, 10]), ['a\ufffdb']],
  'NUL and colours': ['\0\x1b[31mred\n', ['\0\x1b[31mred']],
  'characters of several bytes': ['näme €𝄞\n', ['näme €𝄞']],
};

for (const [name, [content, lines]] of Object.entries(TEXTS)) {
  test(`lines are the same in any pieces: ${name}`, () => {
    for (const chunk of [1, 2, 3, 5, 1000]) assert.deepEqual([...blob(content, { chunk }).lines()], lines, `${chunk}`);
  });
}

test('a line without an end does not fill the memory', () => {
  for (const chunk of [1000, LONGEST_LINE * 3]) {
    const [first, second] = blob(`${'x'.repeat(LONGEST_LINE + 5000)}\nnext\n`, { chunk }).lines();
    assert.deepEqual([first.length, second], [LONGEST_LINE, 'next']);
  }
});

test('what is too large or no JSON is an error of the contract', () => {
  assert.throws(() => blob('12345').text(4), { name: 'PluginError', code: 'input-too-large' });
  assert.throws(() => blob('{').json(), (error) => error instanceof PluginError && error.code === 'invalid-json');
});

test('an attempt gives what it has', () => {
  const made = attempt({
    stdout: 'out',
    stderr: 'err',
    reports: { 'junit.xml': '<a/>' },
    treeFiles: { 'build/b.xml': '<b/>' },
    cut: [1, 9],
  });
  assert.deepEqual([made.stdout.cut, made.stderr.cut], [[1, 9], undefined]);
  assert.deepEqual([...made.reports()].map(([path, content]) => [path, content.text()]), [['junit.xml', '<a/>']]);
  assert.deepEqual([...made.treeFiles()].map(([path, content]) => [path, content.text()]), [['build/b.xml', '<b/>']]);
  assert.equal(made.open({ tag: 'report', val: 'other.xml' }), undefined);
  assert.equal(made.stderr.text(), 'err');
});
