/**
 * What a change of a table does at one place, a topic or a sink, from the mildest on:
 *
 * | effect    | meaning                                                                                       |
 * |-----------|-----------------------------------------------------------------------------------------------|
 * | `nothing` | nobody notices                                                                                |
 * | `evolve`  | topic or target follow by themselves                                                          |
 * | `reread`  | they follow by themselves, and every row of the table is read and written again               |
 * | `rebuild` | capture of the table or its sink halts until the topic or the target is made anew              |
 * | `break`   | they halt, or changes fail in Postgres, until the migration or the config is another           |
 */
export const EFFECTS = ['nothing', 'evolve', 'reread', 'rebuild', 'break'] as const;

export type Effect = (typeof EFFECTS)[number];

export interface PlannedEffect {
  readonly effect: Effect;
  /** What happens, in a few words; empty for `nothing`. */
  readonly why: string;
  /** What a person does about it; null where nothing is to be done. */
  readonly fix: string | null;
}

export const NOTHING: PlannedEffect = { effect: 'nothing', why: '', fix: null };

/** Positive where the first is the graver one. */
export function compareEffects(left: Effect, right: Effect): number {
  return EFFECTS.indexOf(left) - EFFECTS.indexOf(right);
}

/** The gravest of them; `nothing` of none. */
export function gravest(effects: readonly Effect[]): Effect {
  return effects.toSorted(compareEffects).at(-1) ?? 'nothing';
}
