import type { Position } from '../../schemas/position.ts';
import { isLoneTombstone } from '../../schemas/change-event.ts';
import type { TargetEvent, Write } from '../sink.ts';
import { emptyRow, type Row } from '../../schemas/value.ts';
import type { AddedColumn, RowSource } from './native-block.ts';
import { putByte, putHexBackwards, putInteger, putText, type Bytes } from './native-bytes.ts';

/** What the tables of this sink hold of writes, and of changes. */

const position = <Entry>(of: (entry: Entry) => Position): AddedColumn<Entry> => ({
  name: '__pos',
  type: 'UInt128',
  put: (out: Bytes, entry: Entry) => void putHexBackwards(out, of(entry), 0, 32),
});

/** A row whose other columns are null, whatever their names: an object would answer to `constructor`. */
function keyAlone(key: Row): Row {
  return Object.assign(emptyRow(), key);
}

export const WRITES: RowSource<Write> = {
  positionOf: (write) => write.position,
  isDelete: ({ op }) => op === 'delete',
  rowOf: (write) => (write.op === 'upsert' ? write.row : keyAlone(write.key)),
  added: [
    position((write) => write.position),
    {
      name: '__deleted',
      type: 'UInt8',
      put: (out, { op }) => putByte(out, op === 'delete' ? 1 : 0),
    },
  ],
};

/** A truncate has no key; its key columns hold the defaults of their types. */
export const CHANGES: RowSource<TargetEvent> = {
  positionOf: ({ event }) => event.position,
  isDelete: ({ event }) => event.op === 'd',
  rowOf: ({ event }) => event.after ?? keyAlone(event.key),
  added: [
    position(({ event }) => event.position),
    {
      name: '__op',
      type: 'String',
      put: (out, { event }) => putText(out, event.op),
    },
    {
      name: '__committed_at',
      type: "DateTime64(6, 'UTC')",
      put: (out, { event }) => putInteger(out, isLoneTombstone(event) ? 0 : event.source.tsUs, 8),
    },
  ],
};
