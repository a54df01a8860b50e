const PROVIDERS = 3;

/** The seed of this attempt, which makes chance repeatable; without one, chance it is. */
function seed(): number {
  const given = Number(process.env.TEST_SEED ?? 0);
  return given !== 0 ? given : Math.floor(Math.random() * 1_000_000);
}

/** Milliseconds that a payment takes. It goes to one of three providers by chance, and one is slow. */
export function paymentTime(): number {
  return seed() % PROVIDERS === 0 ? 900 : 120;
}
