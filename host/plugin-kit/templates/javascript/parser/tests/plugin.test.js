import assert from 'node:assert/strict';
import { test } from 'node:test';

import { attempt, configured } from 'flaky-plugin-sdk/testing';

import plugin from '../src/plugin.js';

const parser = configured(plugin);

test('an output that ends early is not complete', () => {
  const parsed = parser.parse(attempt({ stdout: 'PASS sums\nPASS rou' }));
  assert.deepEqual([parsed?.tests.length, parsed?.completeness], [2, 'truncated']);
});

test('the pieces of the input make no difference', () => {
  for (const chunk of [1, 2, 7, 4096]) {
    const parsed = parser.parse(attempt({ stdout: 'FAIL näme: 1 != 2\r\nDONE\n', chunk }));
    assert.deepEqual(parsed?.tests.map(({ id }) => id), ['näme']);
  }
});
