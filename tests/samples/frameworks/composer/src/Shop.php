<?php

namespace Shop;

use Clock\Clock;

final class Shop
{
    public static function isOpen(): bool
    {
        return Clock::hour() < 20;
    }
}
