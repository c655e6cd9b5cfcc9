import { Double, Int32, Long } from 'mongodb';
import { expect, test } from 'vitest';
import { assertReading, commandOf } from './command.ts';

test('a text is a command, or a collection with a filter or a pipeline', () => {
  expect(commandOf('{"count": "contacts"}')).toEqual({ count: 'contacts' });
  expect(commandOf('contacts')).toEqual({ find: 'contacts', filter: {} });
  expect(commandOf('contacts {"owner": "Bob"}')).toEqual({ find: 'contacts', filter: { owner: 'Bob' } });
  expect(commandOf('contacts[{"$limit": 1}]')).toEqual({
    aggregate: 'contacts',
    pipeline: [{ $limit: new Int32(1) }],
    cursor: {},
  });
});

test('a plain number is the integer that it is, and types can be named', () => {
  const { filter } = commandOf(
    'c {"a": 1, "b": 9223372036854775807, "c": 1.0, "d": {"$date": "2026-01-01T00:00:00Z"}}',
  );
  expect(filter).toEqual({
    a: new Int32(1),
    b: Long.fromString('9223372036854775807'),
    c: new Double(1),
    d: new Date('2026-01-01T00:00:00Z'),
  });
});

test.each(['contacts {owner: "Bob"}', 'contacts find()', '', '{"find": process.exit()}'])(
  '%s is told as no question',
  (text) => {
    expect(() => commandOf(text)).toThrow(expect.objectContaining({ code: 'QUERY_FAILED' }));
  },
);

test('only commands that are known to read pass, whatever is inside of them', () => {
  const reading = ['contacts', '{"explain": {"find": "contacts"}}', 'contacts [{"$match": {"$out": 1}}]'];
  const writing = [
    '{"insert": "c", "documents": [{}]}',
    '{"findAndModify": "c", "remove": true}',
    '{"eval": "1"}',
    '{}',
    'c [{"$match": {}}, {"$out": "d"}]',
    'c [{"$merge": {"into": "d"}}]',
    '{"explain": {"delete": "c", "deletes": []}}',
    '{"explain": {"aggregate": "c", "pipeline": [{"$out": "d"}]}}',
  ];
  const passes = (text: string) => {
    try {
      assertReading(commandOf(text));
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: 'QUERY_REFUSED' });
      return false;
    }
  };
  expect(reading.filter((text) => !passes(text))).toEqual([]);
  expect(writing.filter(passes)).toEqual([]);
});
