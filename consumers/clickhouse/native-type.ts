import type { Value } from '../../schemas/value.ts';
import { decimalOf } from './column-type.ts';
import {
  putBigInteger,
  putByte,
  putFloat,
  putHexBackwards,
  putInteger,
  putText,
  type Bytes,
} from './native-bytes.ts';
import { dayNumber, microsecondsOf } from './native-time.ts';
import type { Cell } from './cell.ts';

/** How the format Native writes the values of a base type (column-type.ts). */
export interface NativeType {
  /** Bytes of the type's default, all zero, which stands where a Nullable is null. */
  readonly defaultBytes: number;
  /** Appends a value. False, with nothing appended, where it is none that this type holds exactly in the form it has. */
  readonly put: (out: Bytes, value: Value) => boolean;
  /** The form of a cell (cell.ts) that `put` takes. */
  readonly ofCell: (cell: Cell) => Value;
}

/** Null for a type that Tailrace never makes. */
export function nativeTypeOf(base: string): NativeType | null {
  const decimal = decimalOf(base);
  return decimal === null ? (TYPES[base] ?? null) : decimalType(decimal);
}

const asItIs = (cell: Cell): Value => cell;

const TYPES: Readonly<Record<string, NativeType>> = {
  String: {
    defaultBytes: 1,
    ofCell: asItIs,
    put(out, value) {
      if (typeof value !== 'string') return false;
      putText(out, value);
      return true;
    },
  },
  Bool: {
    defaultBytes: 1,
    ofCell: asItIs,
    put(out, value) {
      if (typeof value !== 'boolean') return false;
      putByte(out, value ? 1 : 0);
      return true;
    },
  },
  Int16: integerType(2, -(2n ** 15n), 2n ** 15n - 1n),
  Int32: integerType(4, -(2n ** 31n), 2n ** 31n - 1n),
  Int64: integerType(8, -(2n ** 63n), 2n ** 63n - 1n),
  UInt64: integerType(8, 0n, 2n ** 64n - 1n),
  Float32: floatType(4),
  Float64: floatType(8),
  UUID: {
    defaultBytes: 16,
    ofCell: asItIs,
    put: (out, value) => typeof value === 'string' && putUuid(out, value),
  },
  Date32: {
    defaultBytes: 4,
    ofCell: asItIs,
    put(out, value) {
      const day = typeof value === 'string' && value.length === 10 ? dayNumber(value) : null;
      if (day === null) return false;
      putInteger(out, day, 4);
      return true;
    },
  },
  "DateTime64(6, 'UTC')": {
    defaultBytes: 8,
    ofCell: asItIs,
    put(out, value) {
      const time = typeof value === 'string' ? microsecondsOf(value) : null;
      if (time === null) return false;
      if (Number.isSafeInteger(time.whole)) putInteger(out, time.whole, 8);
      else putBigInteger(out, BigInt(time.seconds) * 1_000_000n + BigInt(time.fraction), 8);
      return true;
    },
  },
};

function integerType(width: 2 | 4 | 8, lowest: bigint, highest: bigint): NativeType {
  return {
    defaultBytes: width,
    ofCell: (cell) => BigInt(cell),
    put(out, value) {
      const isInteger =
        typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
      if (!isInteger || value < lowest || value > highest) return false;
      if (typeof value === 'number') putInteger(out, value, width);
      else if (width === 8) putBigInteger(out, value, width);
      else putInteger(out, Number(value), width);
      return true;
    },
  };
}

function floatType(width: 4 | 8): NativeType {
  return {
    defaultBytes: width,
    ofCell: Number,
    put(out, value) {
      if (typeof value !== 'number') return false;
      putFloat(out, value, width);
      return true;
    },
  };
}

/** The two halves, each with its last byte first. */
function putUuid(out: Bytes, text: string): boolean {
  if (text.length !== 36 || text[8] !== '-' || text[13] !== '-' || text[18] !== '-' || text[23] !== '-')
    return false;
  const start = out.length;
  const isWritten =
    putHexBackwards(out, text, 14, 18) &&
    putHexBackwards(out, text, 9, 13) &&
    putHexBackwards(out, text, 0, 8) &&
    putHexBackwards(out, text, 24, 36) &&
    putHexBackwards(out, text, 19, 23);
  if (!isWritten) out.length = start;
  return isWritten;
}

const DIGITS = /^(-?)(\d+)(?:\.(\d+))?$/;
/** Digits that a number holds exactly, whatever they are. */
const SAFE_DIGITS = 15;

/** A whole number of 4, 8, 16 or 32 bytes: the value times 10 ^ scale. */
function decimalType({ precision, scale }: { precision: number; scale: number }): NativeType {
  const width = [9, 18, 38].findIndex((digits) => precision <= digits);
  const bytes = [4, 8, 16][width] ?? 32;
  return {
    defaultBytes: bytes,
    ofCell: asItIs,
    put(out, value) {
      const match = typeof value === 'string' ? DIGITS.exec(value) : null;
      if (match === null) return false;
      const [, sign = '', whole = '', fraction = ''] = match;
      const digits = (whole + fraction.slice(0, scale).padEnd(scale, '0')).replace(/^0+/, '');
      if (digits.length > precision || /[1-9]/.test(fraction.slice(scale))) return false;
      if (digits.length <= SAFE_DIGITS) putInteger(out, Number(sign + digits) || 0, bytes);
      else putBigInteger(out, BigInt(sign + digits), bytes);
      return true;
    },
  };
}
