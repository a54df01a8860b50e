'use strict';

const fs = require('node:fs');
const { expect, test } = require('@playwright/test');

// The turn of a test, for whoever looks at the order.
test.beforeEach(({}, info) => {
  const { ATTEMPT, ORDER_FILE } = process.env;
  if (ORDER_FILE) fs.appendFileSync(ORDER_FILE, `${ATTEMPT} ${info.title}\n`);
});

test.describe('numbers', () => {
  test('are added', () => {
    expect(1 + 2).toBe(3);
  });

  test('are multiplied', () => {
    expect(2 * 3).toBe(6);
  });

  // Broken.
  test('are divided', () => {
    expect(1 / 3).toBe(0.33);
  });
});

// Flaky.
test('a third of the seeds', () => {
  expect(Number(process.env.TEST_SEED) % 3).not.toBe(0);
});
