package shop;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotEquals;

import org.junit.Test;

/** One flaky, one broken and two stable tests. */
public class ShopTest {
    @Test
    public void deliversInTime() {
        assertNotEquals(0, Long.parseLong(System.getenv("TEST_SEED")) % 3);
    }

    @Test
    public void leavesNothing() {
        assertEquals(0, 1 - 1 - 1);
    }

    @Test
    public void addsPrices() {
        assertEquals(3, 1 + 2);
    }

    @Test
    public void roundsDown() {
        assertEquals(2, 5 / 2);
    }
}
