/**
 * Text from records, files and error messages on its way to a terminal. It comes from strangers (a README
 * of some package), so nothing in it may move the cursor, recolour the screen or turn the writing direction.
 */

// Control characters, and the separators that some terminals take for line ends.
const controlPattern = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/gu;
// Invisible formatting: direction overrides, zero-width spaces, tags.
const invisiblePattern = /\p{Cf}/gu;

/** `text` on one line: white space runs become one space, control characters become `�`. */
export function printable(text: string): string {
  return text.replace(/\s+/gu, ' ').replace(controlPattern, '\ufffd').replace(invisiblePattern, '');
}

/** Like `printable`, but line ends and tabs stay. */
export function printableLines(text: string): string {
  return text
    .split(/\r?\n/u)
    .map((line) =>
      line.replaceAll('\t', '    ').replace(controlPattern, '\ufffd').replace(invisiblePattern, ''),
    )
    .join('\n');
}

/** At most `charactersMax` characters of `text`; a cut is marked by `…`. No character is cut in two. */
export function shorten(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const characters = [...text];
  if (characters.length <= charactersMax) return text;
  return `${characters.slice(0, Math.max(0, charactersMax - 1)).join('')}…`;
}

/**
 * JSON on one line that is safe to show: what JSON leaves raw (DEL, C1 controls, invisible formatting)
 * is escaped as `\uXXXX`. A bigint becomes a string of digits, a typed array an array.
 */
export function printableJson(value: unknown): string {
  const text = JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return part.toString();
    if (part instanceof Float32Array) return Array.from(part);
    return part;
  });
  return text.replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  let escaped = '';
  for (let i = 0; i < character.length; i++) {
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}
