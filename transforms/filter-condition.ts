import { z } from 'zod';
import { valueText } from '../schemas/key-text.ts';
import type { Column } from '../schemas/table-schema.ts';
import type { Row, Value } from '../schemas/value.ts';
import { compareDecimals, parseDecimal, type Decimal } from './decimal.ts';
import {
  booleanOperand,
  numberOperand,
  operandSchema,
  textOperand,
  timeOf,
  timeOperand,
  type Operand,
} from './filter-operand.ts';
import { strictOptions } from './strict-options.ts';

const operands = z.array(operandSchema).min(1);
const pattern = z.string().refine(isRegularExpression, 'is not a regular expression');

/** What one column must fulfil; several operators in one condition must all hold. */
export const conditionSchema = strictOptions({
  column: z.string().min(1),
  equals: operandSchema.optional(),
  notEquals: operandSchema.optional(),
  in: operands.optional(),
  notIn: operands.optional(),
  greaterThan: operandSchema.optional(),
  atLeast: operandSchema.optional(),
  lessThan: operandSchema.optional(),
  atMost: operandSchema.optional(),
  matches: pattern.optional(),
  isNull: z.boolean().optional(),
})
  .refine((condition) => givenKeys(condition) > 1, {
    message:
      'expected an operator: equals, notEquals, in, notIn, greaterThan, atLeast, lessThan, atMost, matches or isNull',
  })
  .refine((condition) => condition.isNull !== true || givenKeys(condition) === 2, {
    message: 'isNull: true goes with no other operator, since null fulfils none',
  });

export type Condition = z.output<typeof conditionSchema>;

/**
 * The condition as a function of a row. As in SQL, null fulfils nothing but `isNull: true`; a column that is absent
 * fulfils nothing at all. Throws RangeError, in words for the user, when operators and column do not fit together.
 */
export function compileCondition(condition: Condition, column: Column): (row: Row) => boolean {
  const tests = compileTests(condition, column);
  const wantsNull = condition.isNull === true;
  return (row) => {
    const value = row[column.name];
    if (value === undefined) return false;
    if (value === null || wantsNull) return value === null && wantsNull;
    return tests.every((test) => test(value));
  };
}

type Test = (value: Exclude<Value, null>) => boolean;

function compileTests(condition: Condition, column: Column): Test[] {
  switch (column.kind) {
    case 'int2':
    case 'int4':
    case 'int8':
    case 'float4':
    case 'float8':
    case 'numeric':
      return orderedTests(condition, column, (value) => parseDecimal(String(value)), numberOperand);
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return orderedTests(condition, column, (value) => timeOf(String(value)), timeOperand);
    case 'boolean':
      return equalityTests(condition, column, booleanOperand);
    case 'uuid':
      // Postgres prints a uuid in lower case, however it was written.
      return equalityTests(condition, column, (value) => textOperand(value).toLowerCase());
    case 'text':
    case 'enum':
    case 'json':
    case 'jsonb':
    case 'time':
    case 'timetz':
    case 'interval':
    case 'other':
      return equalityTests(condition, column, textOperand);
    case 'bytea':
      return equalityTests(condition, column, () => {
        throw new RangeError('can only be tested with isNull');
      });
  }
}

function orderedTests(
  condition: Condition,
  column: Column,
  read: (value: Exclude<Value, null>) => Decimal,
  readOperand: (value: Operand) => Decimal,
): Test[] {
  if (condition.matches !== undefined)
    throw new RangeError(`column ${column.name} (${column.type}) is no text, so matches cannot be used`);
  const compared = (bound: Operand | undefined, fits: (order: number) => boolean): Test[] => {
    if (bound === undefined) return [];
    const limit = explained(column, () => readOperand(bound));
    return [(value) => fits(compareDecimals(read(value), limit))];
  };
  const listed = (list: readonly Operand[] | undefined, wanted: boolean): Test[] => {
    if (list === undefined) return [];
    const limits = list.map((item) => explained(column, () => readOperand(item)));
    return [
      (value) => {
        const own = read(value);
        return limits.some((limit) => compareDecimals(own, limit) === 0) === wanted;
      },
    ];
  };
  return [
    ...compared(condition.equals, (order) => order === 0),
    ...compared(condition.notEquals, (order) => order !== 0),
    ...compared(condition.greaterThan, (order) => order > 0),
    ...compared(condition.atLeast, (order) => order >= 0),
    ...compared(condition.lessThan, (order) => order < 0),
    ...compared(condition.atMost, (order) => order <= 0),
    ...listed(condition.in, true),
    ...listed(condition.notIn, false),
  ];
}

const ORDER_OPERATORS = ['greaterThan', 'atLeast', 'lessThan', 'atMost'] as const;

function equalityTests(
  condition: Condition,
  column: Column,
  readOperand: (value: Operand) => string,
): Test[] {
  const unfit = ORDER_OPERATORS.find((operator) => condition[operator] !== undefined);
  if (unfit !== undefined)
    throw new RangeError(
      `column ${column.name} (${column.type}) has no order that all stores share, so ${unfit} cannot be used`,
    );
  const listed = (list: readonly Operand[] | undefined, wanted: boolean): Test[] => {
    if (list === undefined) return [];
    const texts = new Set(list.map((item) => explained(column, () => readOperand(item))));
    return [(value) => texts.has(valueText(value)) === wanted];
  };
  const one = (value: Operand | undefined) => (value === undefined ? undefined : [value]);
  return [
    ...listed(one(condition.equals), true),
    ...listed(one(condition.notEquals), false),
    ...listed(condition.in, true),
    ...listed(condition.notIn, false),
    ...matchTests(condition, column),
  ];
}

function matchTests(condition: Condition, column: Column): Test[] {
  if (condition.matches === undefined) return [];
  if (column.kind === 'boolean' || column.kind === 'bytea')
    throw new RangeError(`column ${column.name} (${column.type}) is no text, so matches cannot be used`);
  const expression = new RegExp(condition.matches, 'u');
  return [(value) => expression.test(valueText(value))];
}

function explained<Result>(column: Column, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    const reason = cause instanceof RangeError ? cause.message : 'cannot be compared';
    throw new RangeError(`column ${column.name} (${column.type}) ${reason}`, { cause });
  }
}

function givenKeys(condition: object): number {
  return Object.values(condition).filter((value) => value !== undefined).length;
}

function isRegularExpression(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}
