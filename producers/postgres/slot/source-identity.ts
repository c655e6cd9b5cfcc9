import pg from 'pg';
import { parseLsn } from '../../../schemas/lsn.ts';
import { sourceClientConfig } from '../connection.ts';

/** Which history of which server a connection sees. */
export interface SourceIdentity {
  /** Made by initdb; every copy of the cluster has the same one. */
  readonly systemIdentifier: string;
  readonly database: string;
  /** Grows by one at each promotion and each restore to a point in time. */
  readonly timeline: number;
  /** End of the WAL that the server has written. */
  readonly writtenLsn: bigint;
}

/** Where a timeline of the server's past ended: from there on the WAL belongs to the next one. */
export interface TimelineEnd {
  readonly timeline: number;
  readonly endLsn: bigint;
}

/** Only a server that takes writes has a WAL position of its own: throws on a standby. */
export async function readSourceIdentity(client: pg.Client): Promise<SourceIdentity> {
  // The name of the WAL file tells the timeline at once; the control file only after the checkpoint that ends a promotion.
  const { rows } = await client.query<Record<'id' | 'database' | 'file' | 'written', string>>(
    `SELECT system_identifier::text AS id, current_database() AS database, written, pg_walfile_name(written) AS file
       FROM pg_control_system(), pg_current_wal_lsn() AS written`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the server told nothing of itself');
  return {
    systemIdentifier: row.id,
    database: row.database,
    timeline: Number.parseInt(row.file.slice(0, 8), 16),
    writtenLsn: parseLsn(row.written),
  };
}

/** The timelines before `timeline`, oldest first; needs the REPLICATION right only. */
export async function readTimelineHistory(url: string, timeline: number): Promise<TimelineEnd[]> {
  // The first timeline has no past and no history file.
  if (timeline === 1) return [];
  const config = { ...sourceClientConfig(url, 'tailrace timeline'), replication: 'database' };
  const client = new pg.Client(config);
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ content: string }>(`TIMELINE_HISTORY ${timeline}`);
    return parseTimelineHistory(rows[0]?.content ?? '');
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A history file: lines of timeline, end and reason; `#` begins a comment. */
export function parseTimelineHistory(text: string): TimelineEnd[] {
  return text.split('\n').flatMap((line) => {
    const [, timeline, end] = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/.exec(line) ?? [];
    return timeline === undefined || end === undefined
      ? []
      : [{ timeline: Number(timeline), endLsn: parseLsn(end) }];
  });
}
