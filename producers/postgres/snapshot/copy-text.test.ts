import { expect, test } from 'vitest';
import { fieldsOf } from './copy-text.ts';

test.each([
  ['1\tone', ['1', 'one']],
  ['', ['']],
  ['\t', ['', '']],
  ['\\N\t\\\\N', [null, '\\N']],
  ['a\\tb\\nc\\rd\\be\\ff\\vg\\\\h', ['a\tb\nc\rd\be\ff\vg\\h']],
  ['\\\\n\t\\\\\\n', ['\\n', '\\\n']],
  ['\\x', ['x']],
  ['naïve\t日本\t😀', ['naïve', '日本', '😀']],
])('the line %j has the fields %j', (line, fields) => {
  expect(fieldsOf(line)).toStrictEqual(fields);
});
