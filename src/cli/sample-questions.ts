/** Questions for a folder that nobody has seen before: some that most documentation answers, some of its own. */

const generic = ['How do I install it?', 'license and copyright', 'an example of how to use it'];
const ownMax = 3;
// Two to six words, no code: a phrase that a person could have typed.
const phrase = /^\p{L}[\p{L}'’-]*(?: \p{L}[\p{L}'’-]*){1,5}\??$/u;
const latinPhrase = /^[\p{Script=Latin}'’ -]+\??$/u;
const worn =
  /^(?:install|usage|licen[sc]e|examples?|api|contribut|change ?log|table of contents|introduction|overview|options|features|readme)/iu;

/**
 * Three generic questions, then up to three of the given headings, evenly over them. The generic ones are
 * English, so Latin headings go first where there are some.
 */
export function sampleQuestions(headings: readonly string[]): string[] {
  const phrases = [...new Set(headings)].filter(
    (heading) => heading.length <= 60 && phrase.test(heading) && !worn.test(heading),
  );
  const latin = phrases.filter((heading) => latinPhrase.test(heading));
  const telling = latin.length > 0 ? latin : phrases;
  const count = Math.min(ownMax, telling.length);
  const own = Array.from({ length: count }, (_, i) => {
    return telling[Math.floor(((i + 0.5) * telling.length) / count)];
  });
  return [...generic, ...own];
}
