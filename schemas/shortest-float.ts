const SMALLEST_NORMAL = 2 ** -126;

/**
 * The number that Postgres prints for a float4, as its text becomes a number: the fewest digits that mean this float, and
 * of those the nearest. 0.1 and not 0.10000000149011612, which is what the four bytes hold.
 */
export function shortestFloat(float: number): number {
  if (float === 0 || !Number.isFinite(float)) return float;
  // Every decimal of six digits survives a normal float, so fewer need not be tried.
  for (let digits = Math.abs(float) < SMALLEST_NORMAL ? 1 : 6; digits < 9; digits++) {
    const number = roundedHalfToEven(float, digits);
    if (Math.fround(number) === float && !isMidway(number, float)) return number;
  }
  return Number(float.toPrecision(9));
}

/** Like toPrecision, but for the tie: Postgres takes the even digit there, JavaScript the larger. */
function roundedHalfToEven(float: number, digits: number): number {
  const longer = float.toPrecision(digits + 1);
  const [, head, last, exponent = ''] = /^(.*?(\d)\.?)5(e.*)?$/.exec(longer) ?? [];
  const isTie = last !== undefined && Number(longer) === float;
  return isTie && Number(last) % 2 === 0 ? Number(`${head}${exponent}`) : Number(float.toPrecision(digits));
}

/** Whether a number lies just between the float and a neighbour; Postgres does not rely on how readers round it. */
function isMidway(number: number, float: number): boolean {
  const mirrored = 2 * number - float;
  return mirrored !== float && Math.fround(mirrored) === mirrored;
}
