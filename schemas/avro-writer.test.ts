import { expect, test } from 'vitest';
import { AvroWriter, digitsOf } from './avro-writer.ts';

const POWERS = Array.from({ length: 19 }, (_, power) => 10n ** BigInt(power));
const NUMBERS = [
  0n,
  ...POWERS,
  ...POWERS.map((power) => power - 1n),
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
];

test.each(NUMBERS)('%s is written with its own digits', (number) => {
  const out = new AvroWriter();
  out.digits(number);
  expect(out.take().toString('latin1')).toBe(String(number));
  expect(digitsOf(number)).toBe(String(number).length);
});
