package shop;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names that a pattern of Surefire could misread. */
class NamesTest {
    @Test
    void adds() {}

    @Test
    void addsMore() {}

    @Test
    void costs$1() {}

    @Test
    void größe() {}

    @Test
    @DisplayName("a + b, c#d !*")
    void named() {}

    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"a, b", "x*#y", "[1]"})
    void takes(String text) {
        assertTrue(text.length() > 1);
    }

    /** Of the same name as a test around it. */
    @Nested
    class Inner {
        @Test
        void adds() {}
    }
}
