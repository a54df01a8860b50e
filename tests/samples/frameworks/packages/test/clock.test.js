'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

test('a package of the project is found', () => {
  assert.equal(require('clock').hour(), 12);
});

// It needs one that the project does not name.
test('a package of a registry is found', () => {
  assert.equal(require('debug').humanize(1000), '1s');
});
