import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import { makeTarget, remove, upsert } from '../../test/sink-contract-model.ts';
import { aliasNameOf } from './names.ts';
import { newSink, removeIndices, search, server } from './test-sink.ts';

const target = makeTarget('es_purge', ['id'], { id: { kind: 'int4' }, body: { kind: 'text' } });
const index = `${aliasNameOf(target.name)}-1`;
const FORTY_DAYS_MS = 40 * 24 * 60 * 60 * 1000;

afterAll(() => removeIndices([target]));

interface Hit {
  readonly _id: string;
  readonly _seq_no: number;
  readonly _primary_term: number;
}

/** The query of the recipe in README.md. */
function purgeQuery(): object {
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const [, body = ''] = /_delete_by_query\S*\n(\{.*?\n\})\n/s.exec(readme) ?? [];
  return JSON.parse(body) as object;
}

/** What `_delete_by_query` does, which the tests' build of Elasticsearch lacks: a search, and deletes of what it found. */
async function purge(): Promise<string[]> {
  await server.call('POST', `/${index}/_refresh`);
  const { hits } = (await server.call(
    'POST',
    `/${index}/_search?seq_no_primary_term=true`,
    purgeQuery(),
  )) as {
    hits: { hits: Hit[] };
  };
  for (const { _id, _seq_no, _primary_term } of hits.hits) {
    const guard = `if_seq_no=${JSON.stringify(_seq_no)}&if_primary_term=${JSON.stringify(_primary_term)}`;
    expect(await server.call('DELETE', `/${index}/_doc/${_id}?${guard}`)).toMatchObject({
      result: 'deleted',
    });
  }
  return hits.hits.map(({ _id }) => _id).toSorted();
}

test('the purge of the README takes old tombstones alone, and a replay after it ends in the same state', async () => {
  // So that Elasticsearch itself forgets the deletes soon, as it does after a minute.
  const sink = newSink({}, { settings: { gc_deletes: '0s' } });
  onTestFinished(() => sink.close());
  await sink.prepare([target]);
  const live = async () => [...(await search(aliasNameOf(target.name))).keys()].toSorted();
  const rows = [1, 2, 3].map((id) => upsert(target, { id, body: 'x' }, 1));
  const deletes = [1, 2].map((id) => remove(target, { id }, 2));
  await sink.write(rows);
  const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() - FORTY_DAYS_MS);
  await sink.write(deletes);
  clock.mockRestore();
  await sink.write([remove(target, { id: 4 }, 3)]);

  expect(await purge()).toEqual(['1', '2']);
  expect([...(await search(index)).keys()].toSorted()).toEqual(['3', '4']);

  const back = upsert(target, { id: 1, body: 'back' }, 4);
  expect(await sink.write([back])).toEqual([{ result: 'applied' }]);
  const replayRows = async () => {
    await sink.write(rows);
    return live();
  };
  await expect.poll(replayRows, { timeout: 20_000 }).toEqual(['1', '2', '3']);
  await sink.write(deletes);
  expect(await live()).toEqual(['1', '3']);
});
