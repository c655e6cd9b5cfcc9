/** The entry of that name; columns may be called `constructor` or `__proto__`, which every object answers to. */
export function ownEntry<Entry>(entries: Readonly<Record<string, Entry>>, name: string): Entry | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}
