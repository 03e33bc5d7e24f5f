/** The words of a query that a snippet should show, lower case; short ones say little. */
export function queryWords(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? [];
  return [...new Set(words)].filter(
    (word) => !['what', 'when', 'where', 'which', 'with'].includes(word),
  );
}
