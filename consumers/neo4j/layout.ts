import type { Target } from '../sink.ts';
import type { IndexOptions } from './config.ts';

/** The node that a foreign key points to; `properties[i]` of the node equals `columns[i]` of the row. */
export interface Endpoint {
  readonly label: string;
  readonly properties: readonly string[];
  readonly columns: readonly string[];
}

/** A foreign key as a relationship between the row's node and the one that it refers to. */
export interface Edge {
  /** The constraint's name, unique in its table. */
  readonly name: string;
  readonly type: string;
  /** `out`: from the row's node to the other. */
  readonly direction: 'out' | 'in';
  /**
   * `key`: the other node is found by its key, so that a placeholder can stand for it before it comes. `value`: by other
   * unique columns, which its row may change; the relationship is there exactly while two live rows have equal values.
   */
  readonly by: 'key' | 'value';
  readonly end: Endpoint;
}

/** An edge by value seen from its end. */
export interface IncomingEdge {
  readonly source: string;
  readonly edge: Edge;
}

interface Common {
  readonly target: Target;
  /** The row's properties in the order in which statements take them. */
  readonly columns: readonly string[];
  readonly indexes: readonly IndexOptions[];
}

/** A row as a node. */
export interface NodeLayout extends Common {
  readonly shape: 'node';
  readonly label: string;
  /** Further labels. */
  readonly labels: readonly string[];
  readonly edges: readonly Edge[];
  /** Names of the foreign keys that the options keep from being relationships. */
  readonly unlinked: readonly string[];
  /** Foreign keys that the options want as relationships and that can't be at the moment. */
  readonly notMade: readonly { readonly foreignKey: string; readonly why: string }[];
  /** Edges by value of this and other tables that end here. */
  readonly incoming: readonly IncomingEdge[];
}

/** A row that joins two others: a relationship that holds the row's columns. */
export interface RelationshipLayout extends Common {
  readonly shape: 'relationship';
  readonly type: string;
  readonly start: Endpoint;
  readonly end: Endpoint;
}

export type Layout = NodeLayout | RelationshipLayout;

/** One text that says how a target's rows are stored; when it changes, the stored rows fit no more. */
export function shapeOf(layout: Layout): string {
  const key = layout.target.table.key.join(', ');
  if (layout.shape === 'node') return `node ${layout.label} by ${key}`;
  return `relationship ${layout.type} from ${layout.start.label} to ${layout.end.label} by ${key}`;
}

/** The id of the node that records a target. */
export function recordId(targetName: string): string {
  return `target ${targetName}`;
}
