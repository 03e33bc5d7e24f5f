/** What an import does to the records of a file before it stores them: a limit, a look ahead. */
import { inputError } from './command-error.ts';
import type { SourceRecord } from './formats/record-source.ts';

/** The first `limit` of them. */
export async function* limited(
  records: AsyncIterable<SourceRecord>,
  limit: number | undefined,
): AsyncGenerator<SourceRecord> {
  let count = 0;
  for await (const record of records) {
    yield record;
    if (++count === limit) return;
  }
}

/** What a new collection cannot guess: spaces have a metric. */
export function refuseNamedVectors(records: readonly SourceRecord[]): void {
  const found = records.find(({ record }) => Object.keys(record.vectors ?? {}).length > 0);
  if (found === undefined) return;
  const spaces = Object.entries(found.record.vectors ?? {}).map(
    ([name, vector]) => [name, { dimension: vector?.length }] as const,
  );
  const example = `--vectors '${JSON.stringify(Object.fromEntries(spaces))}'`;
  const advice = `make the collection first: \`stratavec create DIR -c NAME ${example}\``;
  throw inputError(found.where, `has named vectors; ${advice}`);
}

/** Records up to the first one with a vector, at most so many. */
export async function readAhead(
  records: AsyncIterator<SourceRecord>,
  most: number,
): Promise<SourceRecord[]> {
  const read: SourceRecord[] = [];
  while (read.length < most && read.at(-1)?.record.vector === undefined) {
    const next = await records.next();
    if (next.done === true) break;
    read.push(next.value);
  }
  return read;
}

/** `first`, then the rest. */
export async function* chain<T>(first: readonly T[], rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield* first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
