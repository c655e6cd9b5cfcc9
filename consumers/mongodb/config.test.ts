import { describe, expect, test } from 'vitest';
import { openClient } from './client.ts';
import { databaseOf, optionsSchema, tableOptionsSchema } from './config.ts';

/** The user and the password that a client would log in with; null for none. */
function loginOf(options: Record<string, string>): string | null {
  const { credentials } = openClient(optionsSchema.parse(options), {}).options;
  return credentials === undefined ? null : `${credentials.username}/${credentials.password}`;
}

describe('user and password', () => {
  test.each<[Record<string, string>, string | null]>([
    [{ url: 'mongodb://h' }, null],
    [{ url: 'mongodb://app:old@h/db' }, 'app/old'],
    [{ url: 'mongodb://app:old@h/db', password: 'new' }, 'app/new'],
    [{ url: 'mongodb://app@h', password: 'new' }, 'app/new'],
    [{ url: 'mongodb://app:old@h,i:27018/db', username: 'other' }, 'other/old'],
    [{ url: 'mongodb://h', username: 'app', password: 'p@ss/word' }, 'app/p@ss/word'],
    [{ url: 'mongodb://a%40b:p%2Fq@h', password: 'new' }, 'a@b/new'],
    [{ url: 'mongodb://a%40b:p%2Fq@h', username: 'c' }, 'c/p/q'],
    [{ url: 'mongodb://h', username: 'app' }, 'app/'],
    [{ url: 'mongodb+srv://app:old@h.example.org/', password: 'new' }, 'app/new'],
  ])('%j log in as %s', (options, expected) => {
    expect(loginOf(options)).toBe(expected);
  });

  test('those of a login without a password stay in the url', () => {
    const url = 'mongodb://app@h/?authMechanism=MONGODB-X509&tls=true';
    expect(openClient(optionsSchema.parse({ url }), {}).options.credentials).toMatchObject({
      username: 'app',
      mechanism: 'MONGODB-X509',
    });
  });
});

describe('refused as config, without a secret', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ['an unknown option', { url: 'mongodb://h/?maxPool=1' }, /option maxpool is not supported/],
    ['a port that is none', { url: 'mongodb://app:secret@h:99999' }, /expected a connection string/],
    ['characters to escape', { url: 'mongodb://app:se@cret@h' }, /expected a connection string/],
    ['a wrong escape', { url: 'mongodb://app:%zzsecret@h', username: 'b' }, /expected a connection string/],
    ['a port with srv', { url: 'mongodb+srv://h.example.org:27017' }, /expected a connection string/],
    ['a password of nobody', { url: 'mongodb://h', password: 'secret' }, /expected a username/],
  ])('%s', (_what, options, message) => {
    const { error } = optionsSchema.safeParse(options);
    const told = (error?.issues ?? []).map((issue) => issue.message).join();
    expect(told).toMatch(message);
    expect(told).not.toMatch(/secret|cret@/);
  });
});

test('a field of the sink is never named as what the driver tells its own types by', () => {
  for (const options of [{ nest: { _bsontype: ['a'] } }, { embed: { _bsontype: { table: 'public.a' } } }])
    expect(tableOptionsSchema.safeParse(options).success).toBe(false);
});

test.each([
  ['mongodb://h', 'tailrace'],
  ['mongodb://app:old@h:1,i:2/a%20b?tls=true', 'a b'],
  ['mongodb://h/?tls=true', 'tailrace'],
])('the database of %s is %s', (url, database) => {
  expect(databaseOf(optionsSchema.parse({ url }))).toBe(database);
});
