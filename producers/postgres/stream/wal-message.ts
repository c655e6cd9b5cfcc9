import pg from 'pg';

/** The prefix of our own logical messages in the WAL. */
export const MESSAGE_PREFIX = 'tailrace';

/** What our logical messages say. Each pipeline ignores the messages of the others. */
export type WalMessage =
  /** `seen` is what its session saw, as the text of a snapshot. */
  | { readonly kind: 'heartbeat'; readonly pipeline: string; readonly seen: string }
  /** The watermarks around a chunk of the snapshot. */
  | {
      readonly kind: 'open' | 'close';
      readonly pipeline: string;
      readonly chunk: string;
      readonly oid: number;
    }
  /** What the topic holds of the table ends here: its history begins, or another table has its name now. */
  | { readonly kind: 'anew'; readonly pipeline: string; readonly oid: number };

/** The statement that writes a watermark into the WAL. */
export function watermark(message: Extract<WalMessage, { kind: 'open' | 'close' }>): string {
  return emit(message);
}

/** The statement that lets a table's topic begin anew at its place in the WAL. */
export function anewMessage(pipeline: string, oid: number): string {
  return emit({ kind: 'anew', pipeline, oid });
}

function emit(message: WalMessage): string {
  const [prefix, content] = [MESSAGE_PREFIX, JSON.stringify(message)].map((text) => pg.escapeLiteral(text));
  return `SELECT pg_logical_emit_message(true, ${prefix}, ${content})`;
}

/** Writes a heartbeat into the WAL, as a transaction of its own. */
export async function emitHeartbeat(client: pg.Client, pipeline: string): Promise<void> {
  await client.query(
    `SELECT pg_logical_emit_message(true, $1,
       json_build_object('kind', 'heartbeat', 'pipeline', $2::text, 'seen', pg_current_snapshot()::text)::text)`,
    [MESSAGE_PREFIX, pipeline],
  );
}
