/** A cart; prices are in cents. */
export class Cart {
  private readonly prices: number[] = [];

  add(price: number): void {
    this.prices.push(price);
  }

  /** Removes one piece. The bug: it removes the last one, whatever its price. */
  remove(_price: number): void {
    this.prices.pop();
  }

  total(): number {
    return this.prices.reduce((sum, price) => sum + price, 0);
  }

  /** Rounded down in the customer's favour. */
  totalWithDiscount(percent: number): number {
    return Math.floor((this.total() * (100 - percent)) / 100);
  }
}
