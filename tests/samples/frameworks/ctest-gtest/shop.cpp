// The tests of the shop.
#include <gtest/gtest.h>

#include <cstdlib>

TEST(Shop, DeliversInTime) {
    const char* seed = std::getenv("TEST_SEED");
    EXPECT_NE(std::strtoull(seed ? seed : "0", nullptr, 10) % 3, 0u);
}

TEST(Shop, LeavesNothing) { EXPECT_EQ(1 - 1 - 1, 0); }

TEST(Shop, AddsPrices) { EXPECT_EQ(1 + 2, 3); }

TEST(Shop, RoundsDown) { EXPECT_EQ(5 / 2, 2); }
