<?php

namespace Shop;

use PHPUnit\Framework\TestCase;

/** One flaky, one broken and two stable tests. */
final class ShopTest extends TestCase
{
    /** Whoever asks for it sees the order of the tests. */
    protected function setUp(): void
    {
        $path = getenv('ORDER_FILE');
        if ($path !== false) {
            file_put_contents($path, getenv('ATTEMPT') . ' ' . $this->getName() . "\n", FILE_APPEND);
        }
    }

    public function testDeliversInTime(): void
    {
        self::assertNotSame(0, (int) getenv('TEST_SEED') % 3);
    }

    public function testLeavesNothing(): void
    {
        self::assertSame(0, 1 - 1 - 1);
    }

    public function testAddsPrices(): void
    {
        self::assertSame(3, 1 + 2);
    }

    public function testRoundsDown(): void
    {
        self::assertSame(2, intdiv(5, 2));
    }
}
