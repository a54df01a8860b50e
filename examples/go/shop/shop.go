// Package shop is a small shop: orders, prices and stock.
package shop

import "errors"

// Total is the sum of prices in cents less a discount, rounded down in the customer's favour.
func Total(prices []int, discountPercent int) int {
	sum := 0
	for _, price := range prices {
		sum += price
	}
	return sum * (100 - discountPercent) / 100
}

// Reserve says how much is left on the shelf. The bug: it counts one piece too many.
func Reserve(stock, wanted int) int {
	return stock - wanted - 1
}

// ErrLate is returned for an order that was not processed in time.
var ErrLate = errors.New("order not processed in time")

// Process takes an order to a courier; one courier in three is late.
func Process(courier int64) error {
	if courier%3 == 0 {
		return ErrLate
	}
	return nil
}
