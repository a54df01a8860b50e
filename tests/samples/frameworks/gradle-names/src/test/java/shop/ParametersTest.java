package shop;

import static org.junit.Assert.assertTrue;

import org.junit.Test;
import org.junit.runner.RunWith;
import org.junit.runners.Parameterized;
import org.junit.runners.Parameterized.Parameter;
import org.junit.runners.Parameterized.Parameters;

/** Parameters become part of the names. */
@RunWith(Parameterized.class)
public class ParametersTest {
    @Parameters(name = "{0}")
    public static Object[] texts() {
        return new Object[] {"a, b", "x*#y", "--info"};
    }

    @Parameter public String text;

    @Test
    public void takes() {
        assertTrue(text.length() > 1);
    }

    @Test
    public void takesMore() {
        assertTrue(text.length() > 1);
    }
}
