package other.shop;

import org.junit.Test;

/** Its package ends as another's. */
public class NamesTest {
    @Test
    public void adds() {}
}
