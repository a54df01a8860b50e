const COURIERS_ON_DUTY = 3;

/** The seed of this attempt, which makes chance repeatable; without one, chance it is. */
function seed(): number {
  const given = Number(process.env.TEST_SEED ?? 0);
  return given !== 0 ? given : Math.floor(Math.random() * 1_000_000);
}

/** Minutes until the courier who happens to be next is here. One of the three has a long way. */
export function minutesUntilPickup(): number {
  return seed() % COURIERS_ON_DUTY === 0 ? 45 : 10;
}
