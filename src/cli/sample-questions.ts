/** Questions for a folder that nobody has seen before: some that most documentation answers, some of its own. */

const generic = ['How do I install it?', 'license and copyright', 'an example of how to use it'];
const ownMax = 3;
const worn =
  /^(?:install|usage|license|licence|examples?|api|contribut|change ?log|table of contents|introduction|overview|options|features|readme|\d)/iu;

/** Three generic questions, then up to three headings of two to six words, evenly over `headings`. */
export function sampleQuestions(headings: readonly string[]): string[] {
  const telling = [...new Set(headings)].filter(isTelling);
  const count = Math.min(ownMax, telling.length);
  const own = Array.from({ length: count }, (_, i) => {
    return telling[Math.floor(((i + 0.5) * telling.length) / count)];
  });
  return [...generic, ...own];
}

function isTelling(heading: string): boolean {
  const words = heading.match(/\p{L}{2,}/gu) ?? [];
  return words.length >= 2 && words.length <= 6 && heading.length <= 60 && !worn.test(heading);
}
