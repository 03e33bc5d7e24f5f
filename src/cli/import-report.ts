/** What `import` says at its end, to people and as JSON. */
import type { Collection, Json } from '../index.ts';
import type { Context } from './command.ts';
import { formatCount, formatMs } from './human.ts';
import type { ImportResult } from './import-records.ts';
import type { SectionMetadata, SyncResult } from './markdown-sync.ts';
import { printable } from './printable.ts';
import { shownSpaces } from './shown-spaces.ts';

export function reportRecords(
  context: Context,
  {
    collection,
    result,
    elapsedMs,
  }: { collection: Collection<Json>; result: ImportResult; elapsedMs: number },
): void {
  const { isInterrupted, ...counts } = result;
  const { name, dimension, metric, records } = collection.info();
  const rate = formatCount(Math.round((counts.stored / elapsedMs) * 1000), 'record');
  const repeated = counts.stored - counts.inserted - counts.replaced;
  const kinds = [
    formatCount(counts.inserted, 'new', 'new'),
    formatCount(counts.replaced, 'replaced', 'replaced'),
    ...(repeated === 0 ? [] : [`${formatCount(repeated, 'again', 'again')} in the same commit`]),
  ];
  if (isInterrupted && counts.stored === 0) {
    context.say('Interrupted: nothing is stored. With --batch an import stores as it goes.');
  } else {
    context.say(
      `${isInterrupted ? 'Interrupted: stored' : 'Stored'} ${formatCount(counts.stored, 'record')} ` +
        `(${kinds.join(', ')}) in "${printable(name)}" in ${formatMs(elapsedMs)}, ${rate}/s.`,
    );
    const spaces = shownSpaces(collection.info());
    context.say(`The collection has ${formatCount(records, 'record')}, ${spaces}.`);
  }
  if (counts.embedded > 0) {
    context.say(
      `${formatCount(counts.embedded, 'text')} had no vector and got one from the built-in lexical embedder.`,
    );
  }
  if (counts.embedded > 0 && counts.embedded < counts.stored) {
    context.warn(
      'note: the other records came with vectors of their own; the two kinds do not compare.',
    );
  }
  context.json({
    collection: name,
    dimension,
    metric,
    records,
    ...counts,
    isInterrupted,
    elapsedMs,
  });
}

export function reportTexts(
  context: Context,
  {
    collection,
    result,
    elapsedMs,
  }: { collection: Collection<SectionMetadata>; result: SyncResult; elapsedMs: number },
): void {
  const { name, dimension, records } = collection.info();
  context.say(
    `${result.isInterrupted ? 'Interrupted: stored' : 'Stored'} ` +
      `${formatCount(result.sectionsStored, 'section')} of ${formatCount(result.filesRead, 'file')} ` +
      `in "${printable(name)}" in ${formatMs(elapsedMs)}; ` +
      `${formatCount(result.filesUnchanged, 'file')} had not changed.`,
  );
  context.say(
    `The collection has ${formatCount(records, 'record')}. ` +
      `Vectors are from the built-in lexical embedder, ${dimension} dimensions.`,
  );
}
