package shop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;

/** One flaky, one broken and two stable tests. */
class ShopTest {
    /** Whoever asks for it sees the order of the tests. */
    @BeforeEach
    void tell(TestInfo test) throws IOException {
        String path = System.getenv("ORDER_FILE");
        if (path != null) {
            String line = System.getenv("ATTEMPT") + " " + test.getDisplayName() + "\n";
            Files.writeString(Path.of(path), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
    }

    @Test
    void deliversInTime() {
        assertNotEquals(0, Long.parseLong(System.getenv("TEST_SEED")) % 3);
    }

    @Test
    void leavesNothing() {
        assertEquals(0, 1 - 1 - 1);
    }

    @Test
    void addsPrices() {
        assertEquals(3, 1 + 2);
    }

    @Test
    void roundsDown() {
        assertEquals(2, 5 / 2);
    }
}
