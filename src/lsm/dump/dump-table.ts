/** A table for people: footer, properties, filter, index, then block by block with every entry. */
import { blockHi, blockKind, blockSequence, blockValueEnd, blockValueStart } from '../block.ts';
import { type FoundBlock, salvageTable, type TableBytes } from '../repair/salvage-table.ts';
import { DAMAGED, hex, key, kindName } from './text.ts';

/** Line by line. Damage is shown in its place, and ends nothing. */
export function* dumpTable(table: TableBytes): Generator<string> {
  const { footer, index, properties, blocks, problems } = salvageTable(table);
  yield `table ${table.number}, ${table.bytes.length} bytes`;
  for (const problem of problems) yield `${DAMAGED} ${problem}`;
  if (footer !== undefined) {
    const range = ({ offset, length }: { offset: number; length: number }): string =>
      length === 0 ? 'none' : `${length} bytes at ${offset}`;
    yield `footer: number ${footer.number}`;
    yield `filter: ${range(footer.filter)}`;
    yield `index: ${range(footer.index)}`;
    yield `properties: ${range(footer.properties)}`;
  }
  if (properties !== undefined) {
    for (const [name, value] of Object.entries(properties)) {
      yield `  ${name} ${value === '' ? 'none' : String(value)}`;
    }
  }
  if (index === undefined) yield 'blocks, as far as they are found without the index:';
  for (const found of blocks) yield* dumpBlock(found);
}

function* dumpBlock({ block, offset, length }: FoundBlock): Generator<string> {
  yield `block at ${offset}, ${length} bytes, ${block.count} entries`;
  for (let i = 0; i < block.count; i++) {
    const place = key(blockHi(block, i), block.u32[block.keyLo + i]);
    const value = block.u8.subarray(blockValueStart(block, i), blockValueEnd(block, i));
    const kind = kindName(blockKind(block, i));
    const shown = value.length === 0 ? '' : ` ${hex(value)}`;
    yield `  ${place} #${blockSequence(block, i)} ${kind} ${value.length} bytes${shown}`;
  }
}
