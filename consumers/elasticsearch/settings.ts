/** Settings of an index by their names without `index.`, with values as Elasticsearch tells them: texts and lists of texts. */
export type FlatSettings = Readonly<Record<string, string | readonly string[]>>;

/** `{index: {analysis: {analyzer: {a: {type: 'standard'}}}}}` becomes `{'analysis.analyzer.a.type': 'standard'}`. */
export function flatSettings(settings: Readonly<Record<string, unknown>>): FlatSettings {
  const flat: Record<string, string | readonly string[]> = {};
  const walk = (path: readonly string[], value: unknown): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      for (const [name, inner] of Object.entries(value)) walk([...path, name], inner);
    else
      flat[path.join('.').replace(/^index\./, '')] = Array.isArray(value) ? value.map(String) : String(value);
  };
  walk([], settings);
  return flat;
}
