import fc from 'fast-check';
import { Decimal128, Long } from 'mongodb';
import { expect, test } from 'vitest';
import { exactDecimal128 } from './decimal.ts';
import { storedValue } from './values.ts';

const digits = fc.stringMatching(/^\d{1,17}$/);

test('a numeric is the Decimal128 that the driver makes of its digits', () => {
  const numerics = fc.tuple(fc.constantFrom('', '-'), digits, fc.option(digits));
  const edges = ['0', '-0', '0.00', '999999999999999', '4294967296', '-4294967295.5', '0.000000000000001'];
  fc.assert(
    fc.property(
      numerics.map(([sign, whole, fraction]) => sign + whole + (fraction === null ? '' : `.${fraction}`)),
      (text) => {
        expect(exactDecimal128(text)?.bytes).toEqual(Decimal128.fromString(text).bytes);
      },
    ),
    { numRuns: 2_000, examples: edges.map((text) => [text]) },
  );
});

test('an int8 is the Long that the driver makes of it', () => {
  const column = { name: 'n', type: 'bigint', kind: 'int8', nullable: false } as const;
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      expect(storedValue(column, value)).toEqual(Long.fromBigInt(value));
    }),
    { examples: [-(2n ** 63n), 2n ** 63n - 1n, -1n, 2n ** 32n, -(2n ** 32n), 2n ** 31n].map((n) => [n]) },
  );
});
