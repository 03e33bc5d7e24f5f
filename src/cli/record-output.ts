/** Records and hits as lines for people. Everything from the data is made printable here. */
import type { Hit, RecordId, StoredRecord } from '../index.ts';
import { snippet } from './formats/markdown-sections.ts';
import { printable, printableJson, printableLines, shorten } from './printable.ts';

const vectorPartsShown = 8;
// A snippet is looked for in the beginning of a text only.
const snippetSourceMax = 20_000;

/** Two or three lines: rank, score and id; heading; snippet or metadata. `words` are lower case. */
export function hitLines(
  hit: Hit,
  options: { rank: number; words: readonly string[]; columns: number },
): string[] {
  const { rank, words, columns } = options;
  const indent = '     ';
  const width = Math.max(20, columns - indent.length);
  const place = hit.namespace === '' ? '' : `  (${shorten(printable(hit.namespace), 40)})`;
  const head = `${String(rank).padStart(3)}  ${hit.score.toFixed(4)}  ${shownId(hit.id)}${place}`;
  const lines = [shorten(head, columns)];
  const heading = headingOf(hit.metadata);
  if (heading !== undefined) lines.push(indent + shorten(printable(heading), width));
  if (hit.text !== undefined) {
    const text = snippet(hit.text.slice(0, snippetSourceMax), words, width);
    lines.push(indent + shorten(printable(text), width));
  } else if (hit.metadata !== undefined && heading === undefined) {
    lines.push(indent + shorten(printableJson(hit.metadata), width));
  }
  return lines;
}

/** A whole record: its parts, one below the other. */
export function recordLines(record: StoredRecord): string[] {
  const lines = [`id         ${shownId(record.id)}`];
  if (record.namespace !== '') lines.push(`namespace  ${printable(record.namespace)}`);
  if (record.vector !== undefined) lines.push(`vector     ${shownVector(record.vector)}`);
  for (const [name, vector] of Object.entries(record.vectors ?? {})) {
    lines.push(`vectors    ${printable(name)} ${shownVector(vector)}`);
  }
  if (record.expiresAt !== undefined) {
    lines.push(`expires    ${new Date(record.expiresAt).toISOString()}`);
  }
  if (record.metadata !== undefined) lines.push(`metadata   ${printableJson(record.metadata)}`);
  if (record.text !== undefined) lines.push('text', printableLines(record.text.trimEnd()));
  return lines;
}

/** A string that looks like a number is quoted. */
export function shownId(id: RecordId): string {
  if (typeof id !== 'string') return id.toString();
  return /^-?\d+$/u.test(id) ? `"${id}"` : printable(id);
}

function shownVector(vector: Float32Array): string {
  const parts = [...vector.subarray(0, vectorPartsShown)].map((part) => String(+part.toFixed(4)));
  if (vector.length > vectorPartsShown) parts.push('…');
  return `[${parts.join(', ')}]  (${vector.length} dimensions)`;
}

function headingOf(metadata: unknown): string | undefined {
  if (typeof metadata !== 'object' || metadata === null || !('heading' in metadata))
    return undefined;
  const { heading } = metadata;
  return typeof heading === 'string' && heading !== '' ? heading : undefined;
}
