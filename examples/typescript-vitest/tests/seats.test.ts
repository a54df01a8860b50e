import { appendFileSync } from 'node:fs';

import { beforeEach, describe, expect, it } from 'vitest';

import { paymentTime } from '../src/payment';
import { Hall } from '../src/seats';

// Where ORDER_FILE names a file, every test tells it that its turn has come: that shows the order of the tests.
beforeEach(({ task }) => {
  const { ATTEMPT, ORDER_FILE } = process.env;
  if (ORDER_FILE) appendFileSync(ORDER_FILE, `${ATTEMPT} ${task.name}\n`);
});

describe('a hall', () => {
  // Stable: the same answer every time.
  it('gives away a free seat', () => {
    expect(new Hall(10, 12).take(1, 1)).toBe(true);
  });

  // Stable too.
  it('gives away no seat twice', () => {
    const hall = new Hall(10, 12);
    hall.take(1, 1);

    expect(hall.take(1, 1)).toBe(false);
  });

  // Broken: there is a bug, and every attempt finds it.
  it('knows how many seats are free', () => {
    const hall = new Hall(10, 12);
    hall.take(1, 1);

    expect(hall.free()).toBe(119);
  });
});

// Flaky: which provider is asked depends on chance alone, and one in three is slow.
it('pays within half a second', () => {
  expect(paymentTime()).toBeLessThan(500);
});
