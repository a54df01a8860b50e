<?php

use PHPUnit\Framework\TestCase;
use Shop\Shop;

/** It needs a package, and a class of the project that Composer's autoloader finds. */
final class ShopTest extends TestCase
{
    public function testIsOpen(): void
    {
        self::assertTrue(Shop::isOpen());
    }

    public function testIsOfThisTree(): void
    {
        $file = (new ReflectionClass(Shop::class))->getFileName();
        self::assertSame(realpath(__DIR__ . '/../src/Shop.php'), realpath($file));
    }
}
