<?php

namespace Clock;

final class Clock
{
    public static function hour(): int
    {
        return 12;
    }
}
