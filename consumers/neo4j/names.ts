/** Names of the graph, by Neo4j's habits: `PascalCase` labels, `UPPER_SNAKE` types of relationships. */

/** `customer_mapping` -> `CustomerMapping`. A name without a letter or digit stays as it is. */
export function labelOf(targetName: string): string {
  const words = targetName.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('') || targetName;
}

/** `customer_place_relation` -> `CUSTOMER_PLACE_RELATION`, `placeId` -> `PLACE_ID`. */
export function upperSnake(name: string): string {
  const words = name.replace(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})/gu, '_').split(/[^\p{L}\p{N}]+/u);
  return (
    words
      .filter((word) => word !== '')
      .join('_')
      .toUpperCase() || name
  );
}

/**
 * A name as it stands in a Cypher text. Besides the backtick a backslash matters: Cypher reads `\u0060` as a backtick
 * even inside of quotes.
 */
export function quoted(name: string): string {
  return `\`${name.replaceAll('\\', '\\u005C').replaceAll('`', '``')}\``;
}

/** A name as a part of a longer text whose parts are parted by `:`, so that no two lists of parts give the same text. */
export function escaped(name: string): string {
  return name.replace(/[\\:]/g, '\\$&');
}
