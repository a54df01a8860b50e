"""One flaky, one broken and two stable tests."""

import os
import unittest


class Shop(unittest.TestCase):
    def setUp(self):
        # Whoever asks for it sees the order of the tests.
        path = os.environ.get("ORDER_FILE")
        if path:
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"{os.environ['ATTEMPT']} {self.id()}\n")

    def test_delivers_in_time(self):
        self.assertNotEqual(int(os.environ["TEST_SEED"]) % 3, 0)

    def test_leaves_nothing(self):
        self.assertEqual(1 - 1 - 1, 0)

    def test_adds_prices(self):
        self.assertEqual(1 + 2, 3)

    def test_rounds_down(self):
        self.assertEqual(5 // 2, 2)


if __name__ == "__main__":
    unittest.main()
