import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cell } from '../src/plugin.js';

test('quotes in names are doubled', () => {
  assert.equal(cell('a["b"]'), '"a[""b""]"');
});
