/** A line that one of two texts has and the other lacks. */
export interface DifferentLine {
  readonly mark: '-' | '+';
  readonly text: string;
  /** Its place in its own text, from 0. */
  readonly place: number;
}

/** The fewest lines that turn `before` into `after`, in the order of the text. */
export function differentLines(before: readonly string[], after: readonly string[]): DifferentLine[] {
  const start = before.findIndex((line, place) => line !== after[place]);
  const same = start === -1 ? before.length : start;
  const common = longestCommon(before.slice(same), after.slice(same));
  const lines: DifferentLine[] = [];
  let [left, right] = [same, same];
  const remove = () => lines.push({ mark: '-', text: before[left] ?? '', place: left++ });
  const add = () => lines.push({ mark: '+', text: after[right] ?? '', place: right++ });
  for (const pair of common) {
    while (left < same + pair.left) remove();
    while (right < same + pair.right) add();
    left++;
    right++;
  }
  while (left < before.length) remove();
  while (right < after.length) add();
  return lines;
}

/** The places of a longest common subsequence, by the table of its lengths. */
function longestCommon(
  before: readonly string[],
  after: readonly string[],
): { left: number; right: number }[] {
  const width = after.length + 1;
  const lengths = new Uint32Array((before.length + 1) * width);
  const lengthAt = (left: number, right: number): number => lengths[left * width + right] ?? 0;
  for (let left = before.length - 1; left >= 0; left--)
    for (let right = after.length - 1; right >= 0; right--)
      lengths[left * width + right] =
        before[left] === after[right]
          ? lengthAt(left + 1, right + 1) + 1
          : Math.max(lengthAt(left + 1, right), lengthAt(left, right + 1));
  const common: { left: number; right: number }[] = [];
  let [left, right] = [0, 0];
  while (left < before.length && right < after.length) {
    if (before[left] === after[right]) common.push({ left: left++, right: right++ });
    else if (lengthAt(left + 1, right) >= lengthAt(left, right + 1)) left++;
    else right++;
  }
  return common;
}
