import avsc from 'avsc';
import { expect, test } from 'vitest';
import { idOfKey } from './record-key.ts';

const type = avsc.Type.forSchema({
  type: 'record',
  name: 'Key',
  fields: [{ name: 'id', type: 'long' }],
});

test.each([0, 1, -1, 63, 64, 120_000, 2 ** 52])('the id %d is found in both wire formats', (id) => {
  const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, 9]), type.toBuffer({ id })]);
  expect(idOfKey(framed)).toBe(String(id));
  expect(idOfKey(Buffer.from(JSON.stringify({ id })))).toBe(String(id));
});

test('a key that holds no id is an error', () => {
  expect(() => idOfKey(null)).toThrow(TypeError);
  expect(() => idOfKey(Buffer.from('{"other":7}'))).toThrow(TypeError);
  expect(() => idOfKey(Buffer.from([0, 0, 0, 0, 9, 0x80]))).toThrow(TypeError);
});
