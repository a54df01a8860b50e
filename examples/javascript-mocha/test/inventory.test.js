'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');

const { Shelf } = require('../lib/inventory');
const { wayToShelf } = require('../lib/warehouse');

// Where ORDER_FILE names a file, every test tells it that its turn has come: that shows the order of the tests.
beforeEach(function () {
  const { ATTEMPT, ORDER_FILE } = process.env;
  if (ORDER_FILE) fs.appendFileSync(ORDER_FILE, `${ATTEMPT} ${this.currentTest.fullTitle()}\n`);
});

describe('a shelf', () => {
  // Stable: the same answer every time.
  it('says how many pieces are left', () => {
    assert.equal(new Shelf(5).take(2), 3);
  });

  // Stable too.
  it('refuses more than there is', () => {
    assert.throws(() => new Shelf(1).take(2), RangeError);
  });

  // Broken: there is a bug, and every attempt finds it.
  it('is not empty with one piece on it', () => {
    assert.equal(new Shelf(1).isEmpty(), false);
  });
});

// Flaky: which robot comes depends on chance alone, and one in three is far away.
it('is reached within fifty metres', () => {
  assert.ok(wayToShelf() < 50, `${wayToShelf()} metres away`);
});
