import assert from 'node:assert/strict';
import { test } from 'node:test';

import { configured, evidence } from 'flaky-plugin-sdk/testing';

import plugin from '../src/plugin.js';

const message = 'could not connect to server: Connection refused';
const away = { fingerprint: 'a'.repeat(16), count: 3, kind: 'OperationalError', message, trace: '' };

test('words are found whatever their case', () => {
  assert.equal(configured(plugin).judge(evidence('a', { failed: 3, groups: [away] }))?.severity, 'low');
});

test('other failures are left to the next policy', () => {
  assert.equal(configured(plugin).judge(evidence('a', { failed: 3 })), undefined);
});

test('words can be set', () => {
  const other = configured(plugin, { words: ['quota'] });
  assert.equal(other.judge(evidence('a', { failed: 3, groups: [away] })), undefined);
});
