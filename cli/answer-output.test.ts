import { expect, test } from 'vitest';
import type { Answer } from '../core/query.ts';
import { answerCsv, answerJson, answerTable } from './answer-output.ts';

const answer: Answer = {
  columns: ['id', 'name', 'id', 'price'],
  rows: [
    [1, 'a', 9223372036854775807n, '1.10'],
    [20, '', null, { json: '2.5' }],
  ],
  truncated: false,
};

test('numbers stand right in the table, and null is not the empty text', () => {
  expect(answerTable(answer)).toBe(
    [
      'id  name                   id  price',
      ' 1  a     9223372036854775807   1.10',
      '20                       NULL    2.5',
      '',
    ].join('\n'),
  );
});

test('what would break a line or drive a terminal is escaped in the table, and long texts are cut', () => {
  const rows = [['a\nb\u001b[31m\u202e'], ['x'.repeat(101)]];
  const [, first, second] = answerTable({ columns: ['c'], rows, truncated: false }).split('\n');
  expect(first).toBe('a\\nb\\u001b[31m\\u202e');
  expect(second).toBe(`${'x'.repeat(100)}…`);
});

test('in CSV null is nothing and the empty text is two quotes', () => {
  expect(answerCsv(answer)).toBe('id,name,id,price\n1,a,9223372036854775807,1.10\n20,"",,2.5\n');
  expect(answerCsv({ columns: ['a,b'], rows: [['"\n']], truncated: false })).toBe('"a,b"\n"""\n"\n');
});

test('in JSON a column of the same name gets a number, and no digit is lost', () => {
  expect(answerJson('olap', answer, 0.5)).toBe(
    '{"sink":"olap","seconds":0.5,"truncated":false,"columns":["id","name","id_2","price"],"rows":[' +
      '{"id":1,"name":"a","id_2":"9223372036854775807","price":"1.10"},' +
      '{"id":20,"name":"","id_2":null,"price":2.5}]}\n',
  );
});

test('a statement without rows prints nothing but as JSON', () => {
  const none = { columns: [], rows: [], truncated: false };
  expect([answerTable(none), answerCsv(none)]).toEqual(['', '']);
  expect(JSON.parse(answerJson('docs', none, 0))).toMatchObject({ columns: [], rows: [] });
});
