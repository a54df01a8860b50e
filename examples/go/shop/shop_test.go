package shop

import (
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"testing"
	"time"
)

// told appends the name of a test to the file ORDER_FILE, if there is one, so that the order of tests can be seen.
func told(t *testing.T) {
	path := os.Getenv("ORDER_FILE")
	if path == "" {
		return
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fmt.Fprintf(file, "%s %s\n", os.Getenv("ATTEMPT"), t.Name())
}

// courier is drawn by TEST_SEED; without a seed, chance decides.
func courier() int64 {
	if seed, err := strconv.ParseInt(os.Getenv("TEST_SEED"), 10, 64); err == nil {
		return seed
	}
	return rand.New(rand.NewSource(time.Now().UnixNano())).Int63()
}

// A flaky test: whether the order is ready in time depends on the courier alone.
func TestOrderIsProcessedInTime(t *testing.T) {
	told(t)
	if err := Process(courier()); err != nil {
		t.Errorf("the customer waits: %v", err)
	}
}

// A broken test: there is a bug, and every attempt finds it.
func TestReservingTheLastPieceLeavesNothing(t *testing.T) {
	told(t)
	if left := Reserve(1, 1); left != 0 {
		t.Errorf("%d pieces left on the shelf", left)
	}
}

// Stable tests: the same answer every time.
func TestDiscountIsTakenFromTheTotal(t *testing.T) {
	told(t)
	if total := Total([]int{1999, 501}, 10); total != 2250 {
		t.Errorf("total is %d", total)
	}
}

func TestAnEmptyBasketCostsNothing(t *testing.T) {
	told(t)
	if total := Total(nil, 10); total != 0 {
		t.Errorf("total is %d", total)
	}
}
