import { afterAll, expect, test } from 'vitest';
import { makeTarget, positionAt, upsert } from '../../test/sink-contract-model.ts';
import { openBulk } from './bulk.ts';
import { optionsSchema } from './config.ts';
import { classify } from './errors.ts';
import { aliasNameOf } from './names.ts';
import { openClient, sender, type Send } from './requests.ts';
import { newSink, removeIndices, search, server } from './test-sink.ts';
import { truncateIndex } from './truncate.ts';

const target = makeTarget('es_lost_point', ['id'], { id: { kind: 'int4' } });
const client = openClient(optionsSchema.parse({ url: server.url }));
const send = sender(client);

afterAll(async () => {
  await removeIndices([target]);
  await client.close();
});

test('a lost point in time is retried, and the truncate that begins anew is whole', async () => {
  const sink = newSink();
  await sink.prepare([target]);
  await sink.write(Array.from({ length: 2_500 }, (_, id) => upsert(target, { id }, 1)));
  await sink.close();

  let searches = 0;
  // As after a restart of the node, or after a page that took longer than the point is kept.
  const losing: Send = async (request) => {
    const { pit } = (request.body ?? {}) as { pit?: { id: string } };
    if (pit !== undefined && ++searches === 2)
      await send({ method: 'DELETE', path: '/_pit', body: { id: pit.id } });
    return send(request);
  };
  const truncate = (by: Send): Promise<void> =>
    truncateIndex(by, openBulk(send, false), target, positionAt(9));
  const error = await truncate(losing).catch((thrown: unknown) => thrown);
  expect(classify(error)).toMatchObject({ outcome: 'retry', code: 'SINK_UNREACHABLE' });
  expect((await search(aliasNameOf(target.name))).size).toBe(500);

  await truncate(send);
  expect((await search(aliasNameOf(target.name))).size).toBe(0);
});

test('each request names the point that the answer before has named, to the end', async () => {
  let point = { id: '' };
  const named: string[] = [];
  // Elasticsearch may answer another id at any time; a server of one node never does.
  const renaming: Send = async (request) => {
    const { pit, id } = (request.body ?? {}) as { pit?: { id: string }; id?: string };
    named.push(...[pit?.id, id].filter((each) => each !== undefined));
    if (id !== undefined) return send({ ...request, body: point });
    if (pit !== undefined) {
      const { status, body } = await send({
        ...request,
        body: { ...request.body, pit: { ...pit, ...point } },
      });
      return { status, body: { ...(body as object), pit_id: `point ${named.length + 1}` } };
    }
    const answer = await send(request);
    if (!request.path.endsWith('/_pit')) return answer;
    point = { id: (answer.body as { id: string }).id };
    return { status: answer.status, body: { id: 'point 1' } };
  };
  const sink = newSink();
  await sink.write([upsert(target, { id: 1 }, 30)]);
  await sink.close();
  // Tombstones are older than it too: two pages, then one without a document.
  await truncateIndex(renaming, openBulk(send, false), target, positionAt(40));
  expect(named).toEqual(['point 1', 'point 2', 'point 3', 'point 4']);
});
