package other.shop;

import org.junit.jupiter.api.Test;

/** Its package ends as another's. */
class NamesTest {
    @Test
    void adds() {}
}
