package shop;

import org.junit.Test;

/** Names that a pattern of Gradle could misread. */
public class NamesTest {
    @Test
    public void adds() {}

    @Test
    public void addsMore() {}

    @Test
    public void costs$1() {}

    @Test
    public void größe() {}

    /** Of the same name as a test around it. */
    public static class InnerTest {
        @Test
        public void adds() {}
    }
}
