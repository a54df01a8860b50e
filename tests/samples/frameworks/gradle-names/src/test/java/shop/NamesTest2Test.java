package shop;

import org.junit.Test;

/** Its name begins as another's. */
public class NamesTest2Test {
    @Test
    public void adds() {}
}
