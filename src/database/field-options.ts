/** The option `fields` of a collection: which paths of the metadata are indexed, and by which type. */
import { FIELD_TYPES, type FieldType } from '../filter/index-code.ts';
import {
  FIELD_NUMBER_MAX,
  FIELD_NUMBER_MIN,
  type FieldState,
  type IndexedField,
} from '../filter/index-fields.ts';
import { checkOneOf, describe, invalid } from './validate.ts';

const PATH_BYTES_MAX = 1024;

/** The fields of a collection, complete: with the state in which their entries are. */
export interface FieldOptions {
  readonly path: string;
  readonly type: FieldType;
  readonly state: FieldState;
}

/** Throws INVALID_ARGUMENT. */
export function checkFields(
  fields: unknown,
): asserts fields is Readonly<Record<string, FieldType>> {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw invalid(`fields: expected an object of types by path, got ${describe(fields)}`);
  }
  for (const [path, type] of Object.entries(fields)) checkField(path, type, `fields['${path}']`);
}

export function checkField(path: unknown, type: unknown, name: string): void {
  if (typeof path !== 'string' || path === '' || path.startsWith('$')) {
    throw invalid(`${name}: expected the path of a field, got ${describe(path)}`);
  }
  if (!path.isWellFormed() || Buffer.byteLength(path) > PATH_BYTES_MAX) {
    throw invalid(`${name}: expected a path of at most ${PATH_BYTES_MAX} bytes of UTF-8`);
  }
  checkOneOf(type, name, FIELD_TYPES);
}

/** The fields with a further one, which gets a number that no entry has. */
export function withField(
  fields: readonly IndexedField[],
  { path, type, state }: FieldOptions,
): readonly IndexedField[] {
  const used = new Set(fields.map(({ number }) => number));
  for (let number = FIELD_NUMBER_MIN; number <= FIELD_NUMBER_MAX; number += 2) {
    if (!used.has(number)) return [...fields, { number, path, type, state }];
  }
  throw invalid(`fields: a collection has at most ${FIELD_NUMBER_MAX / 2} indexed fields`);
}

/** The fields of a new collection. */
export function newFields(
  given: Readonly<Record<string, FieldType>> = {},
): readonly IndexedField[] {
  let fields: readonly IndexedField[] = [];
  for (const [path, type] of Object.entries(given)) {
    fields = withField(fields, { path, type, state: 'ready' });
  }
  return fields;
}

/** Refuses fields that the collection does not have so. */
export function checkStoredFields(
  stored: readonly IndexedField[],
  given: Readonly<Record<string, FieldType>> = {},
): void {
  for (const [path, type] of Object.entries(given)) {
    const field = findField(stored, path);
    if (field === undefined) {
      throw invalid(`fields: the collection has no field '${path}'; addField('${path}') makes one`);
    }
    if (field.type === type) continue;
    throw invalid(
      `fields: '${path}' was made as ${field.type}, got ${type}; dropField and addField change it`,
    );
  }
}

/** The field of a path, unless it is being dropped. */
export function findField(fields: readonly IndexedField[], path: string): IndexedField | undefined {
  return fields.find((field) => field.path === path && field.state !== 'dropping');
}

/** For `Collection.info`: types by path, and the paths whose entries are not complete yet. */
export function fieldsInfo(stored: readonly IndexedField[]): {
  readonly fields: Readonly<Record<string, FieldType>>;
  readonly fieldsBuilding: readonly string[];
} {
  const kept = stored.filter(({ state }) => state !== 'dropping');
  const building = kept.filter(({ state }) => state === 'building');
  return {
    fields: Object.fromEntries(kept.map(({ path, type }) => [path, type])),
    fieldsBuilding: building.map(({ path }) => path),
  };
}
