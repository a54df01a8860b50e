import { appendFileSync } from 'node:fs';

import { Cart } from '../src/cart';
import { minutesUntilPickup } from '../src/delivery';

// Where ORDER_FILE names a file, every test tells it that its turn has come: that shows the order of the tests.
beforeEach(() => {
  const { ATTEMPT, ORDER_FILE } = process.env;
  if (ORDER_FILE) appendFileSync(ORDER_FILE, `${ATTEMPT} ${expect.getState().currentTestName}\n`);
});

// Stable: the same answer every time.
test('an empty cart costs nothing', () => {
  expect(new Cart().total()).toBe(0);
});

// Stable too.
test('a discount is taken from the total', () => {
  const cart = new Cart();
  cart.add(1999);
  cart.add(501);

  expect(cart.totalWithDiscount(10)).toBe(2250);
});

// Flaky: which courier comes depends on chance alone, and one in three is late.
test('an order is picked up in time', () => {
  expect(minutesUntilPickup()).toBeLessThan(30);
});

// Broken: there is a bug, and every attempt finds it.
test('a removed piece is not paid for', () => {
  const cart = new Cart();
  cart.add(1999);
  cart.add(501);
  cart.remove(1999);

  expect(cart.total()).toBe(501);
});
