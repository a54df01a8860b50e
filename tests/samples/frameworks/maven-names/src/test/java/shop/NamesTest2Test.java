package shop;

import org.junit.jupiter.api.Test;

/** Its name begins as another's. */
class NamesTest2Test {
    @Test
    void adds() {}
}
