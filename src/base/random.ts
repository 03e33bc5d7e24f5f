/** A seeded source of numbers in [0, 1): the same seed gives the same numbers on every machine. */
export type Random = () => number;

/**
 * The sfc32 generator (Chris Doty-Humphrey, PractRand). Its first outputs are discarded, so that
 * close seeds give unrelated sequences.
 */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9;
  let b = seed >>> 0;
  let c = Math.floor(seed / 2 ** 32) >>> 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}
