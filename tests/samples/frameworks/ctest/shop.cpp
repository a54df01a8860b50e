// The tests of the shop: the first argument says which.
#include <cstdio>
#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
    const std::string test = argc > 1 ? argv[1] : "";
    // Whoever asks for it sees the order of the tests.
    const char* path = std::getenv("ORDER_FILE");
    if (path != nullptr) {
        const char* attempt = std::getenv("ATTEMPT");
        if (FILE* file = std::fopen(path, "a")) {
            std::fprintf(file, "%s %s\n", attempt ? attempt : "", test.c_str());
            std::fclose(file);
        }
    }
    if (test == "delivers_in_time") {
        const char* seed = std::getenv("TEST_SEED");
        return std::strtoull(seed ? seed : "0", nullptr, 10) % 3 == 0;
    }
    if (test == "leaves_nothing") return 1 - 1 - 1 != 0;
    if (test == "adds_prices") return 1 + 2 != 3;
    if (test == "rounds_down") return 5 / 2 != 2;
    std::fprintf(stderr, "no test `%s`\n", test.c_str());
    return 2;
}
