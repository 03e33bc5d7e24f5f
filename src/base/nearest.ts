/**
 * The name in `known` that a person most likely meant by `name`, or undefined when none is close: at
 * most a third of its letters differ, or one is the beginning of the other. Letter case is ignored.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  let nearest: string | undefined;
  let nearestEdits = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    const isBeginning =
      Math.min(wanted.length, other.length) >= 2 &&
      (other.startsWith(wanted) || wanted.startsWith(other));
    const edits = isBeginning ? 1 : editDistance(wanted, other);
    const editsMax = Math.min(Math.ceil(other.length / 3), other.length - 1);
    if (edits <= editsMax && edits < nearestEdits) {
      nearest = candidate;
      nearestEdits = edits;
    }
  }
  return nearest;
}

/** Levenshtein distance, with a swap of two neighbouring letters as one edit. Input is cut at 64 letters. */
function editDistance(a: string, b: string): number {
  const rows = Math.min(a.length, 64);
  const columns = Math.min(b.length, 64);
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: columns + 1 }, (_, column) => column);
  for (let row = 1; row <= rows; row++) {
    const current = [row];
    for (let column = 1; column <= columns; column++) {
      const isEqual = a[row - 1] === b[column - 1];
      let edits = previous[column - 1] + (isEqual ? 0 : 1);
      edits = Math.min(edits, previous[column] + 1, current[column - 1] + 1);
      const isSwap =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) edits = Math.min(edits, beforePrevious[column - 2] + 1);
      current.push(edits);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[columns];
}
