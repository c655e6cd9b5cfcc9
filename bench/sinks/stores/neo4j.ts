import driver from 'neo4j-driver';
import type { EntryRow } from '../rows.ts';
import type { OpenStore, StoreBench } from './store.ts';

const RECORD_LABEL = '__Tailrace';

export const neo4j: StoreBench = {
  name: 'neo4j',
  events: 500_000,
  rateGoal: 8_000,
  latencyGoalMs: 600,
  bulk: { rows: 5_000, inFlight: 2 },
  options: {},
  open: (url): Promise<OpenStore> => {
    const { address, token } = accessOf(url);
    const client = driver.driver(address, token);
    const query = async (text: string, parameters: Record<string, unknown> = {}) =>
      (await client.executeQuery(text, parameters)).records;
    /** CALL ... IN TRANSACTIONS wants no transaction around it. */
    const run = async (text: string) => {
      const session = client.session();
      await session.run(text);
      await session.close();
    };
    return Promise.resolve({
      clear: async (target) => {
        const label = labelOf(target);
        await run(`MATCH (n:${label}) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS`);
        await query(`MATCH (n:${RECORD_LABEL} {id: $id}) DETACH DELETE n`, { id: `target ${target}` });
        const constraints = await query(
          'SHOW CONSTRAINTS YIELD name, labelsOrTypes WHERE $label IN labelsOrTypes RETURN name',
          { label },
        );
        for (const each of constraints) await query(`DROP CONSTRAINT ${String(each.get('name'))}`);
      },
      create: async (target) => {
        await query(`CREATE CONSTRAINT FOR (n:${labelOf(target)}) REQUIRE n.id IS UNIQUE`);
      },
      insert: async (target, rows) => {
        await query(`UNWIND $rows AS row CREATE (n:${labelOf(target)}) SET n = row`, {
          rows: rows.map(propertiesOf),
        });
      },
      replace: async (target, rows) => {
        await query(`UNWIND $rows AS row MATCH (n:${labelOf(target)} {id: row.id}) SET n = row`, {
          rows: rows.map(propertiesOf),
        });
      },
      count: async (target) => {
        const [found] = await query(`MATCH (n:${labelOf(target)}) RETURN count(n) AS nodes`);
        return Number(found?.get('nodes'));
      },
      visible: async (target, ids) => {
        const found = await query(`MATCH (n:${labelOf(target)}) WHERE n.id IN $ids RETURN n.id AS id`, {
          ids: ids.map((id) => driver.int(id)),
        });
        return found.map((each) => Number(each.get('id')));
      },
      [Symbol.asyncDispose]: () => client.close(),
    });
  },
};

function propertiesOf({ id, account_id, amount, changed_at, note }: EntryRow) {
  return { id: driver.int(id), account_id: driver.int(account_id), amount, changed_at, note };
}

/** `bench_entry` -> `BenchEntry`, as the sink names the nodes of a target. */
function labelOf(target: string): string {
  return target.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The driver refuses an address that holds credentials. */
function accessOf(url: string): { address: string; token: ReturnType<typeof driver.auth.basic> } {
  const address = new URL(url);
  const token = driver.auth.basic(decodeURIComponent(address.username), decodeURIComponent(address.password));
  address.username = '';
  address.password = '';
  return { address: address.href, token };
}
