/** Ids as they are typed: `17` may be the number or the string. */
import type { Collection, RecordId } from '../index.ts';
import { CommandError } from './command-error.ts';
import { printable } from './printable.ts';

/** What `text` can mean, the likelier first. */
export function idsMeantBy(text: string): RecordId[] {
  if (!/^(?:0|-?[1-9]\d{0,18})$/u.test(text)) return [text];
  const number = Number(text);
  return [Number.isSafeInteger(number) ? number : BigInt(text), text];
}

/** The id under which there is a record. */
export async function storedId(
  collection: Collection,
  text: string,
  namespace: string | undefined,
): Promise<RecordId> {
  for (const id of idsMeantBy(text)) {
    if (await collection.has(id, { namespace })) return id;
  }
  const place =
    namespace === undefined
      ? '; one of a namespace needs --namespace'
      : ` in namespace "${printable(namespace)}"`;
  throw new CommandError(`no record "${printable(text)}" in ${printable(collection.name)}${place}`);
}
