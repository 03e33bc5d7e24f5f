/**
 * Text to vector without a model: signed feature hashing (Weinberger et al. 2009, "Feature hashing for
 * large scale multitask learning") of words and of character 3- to 5-grams with boundary marks
 * (Bojanowski et al. 2017, fastText).
 *
 * It is **lexical**: texts are near when they share words or pieces of words, so it survives typos and
 * inflections and knows nothing about meaning ("car" and "automobile" are strangers). The same text gives
 * the same vector in every process and on every machine. Each word's weight grows with the logarithm of its
 * count; half of its square is the whole word, the other half its pieces.
 */
import { nearestName } from '../base/nearest.ts';
import { DatabaseError } from '../errors.ts';
import { stopWords } from './stop-words.ts';

/** Turns texts into vectors of one dimension. Synchronous; the results belong to the caller. */
export interface Embedder {
  /** Length of the vectors. */
  readonly dimension: number;
  /** A unit vector for `text`. About 0.1 ms for a page of text. */
  embed(text: string): Float32Array;
  /** One vector for each text, in order. */
  embedMany(texts: readonly string[]): Float32Array[];
}

/** Options of `hashingEmbedder`. */
export interface HashingEmbedderOptions {
  /** Length of the vectors, 8 to 16,384. More dimensions, fewer accidental likenesses. Default: 384. */
  readonly dimension?: number | undefined;
}

const dimensionMin = 8;
const dimensionMax = 16_384;
const stopWordWeight = 0.15;

// Words: letters, digits and the marks that modify them, of any script.
const wordPattern = /[\p{L}\p{N}\p{M}]+/gu;
// Scripts written without spaces: their words are runs of text, so shorter pieces carry the meaning.
const unspacedPattern = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;
const wordLengthMax = 64;

const wordSeed = 0x811c9dc5; // The offset basis of FNV-1a.
const pieceSeed = 0x2f0b4c47;
const fnvPrime = 0x01000193;

/**
 * The built-in embedder: deterministic, lexical, no model and no download. Letter case and Unicode
 * compatibility forms do not matter. A text without words gives the first unit vector, so that cosine
 * is always defined. Errors: INVALID_ARGUMENT.
 */
export function hashingEmbedder(options: HashingEmbedderOptions = {}): Embedder {
  const dimension = checkedDimension(options);
  const sums = new Float64Array(dimension);

  const embed = (text: string): Float32Array => {
    if (typeof text !== 'string') {
      throw new DatabaseError('INVALID_ARGUMENT', `text: expected a string, got ${typeof text}`);
    }
    sums.fill(0);
    for (const [word, count] of countWords(text)) {
      const damping = stopWords.has(word) ? stopWordWeight : 1;
      addWord(sums, word, damping * (1 + Math.log(count)));
    }
    return unitVector(sums);
  };

  const embedMany = (texts: readonly string[]): Float32Array[] => {
    if (!Array.isArray(texts)) {
      throw new DatabaseError('INVALID_ARGUMENT', 'texts: expected an array of strings');
    }
    return texts.map(embed);
  };

  return { dimension, embed, embedMany };
}

function checkedDimension(options: HashingEmbedderOptions): number {
  if (typeof options !== 'object' || options === null) {
    throw new DatabaseError(
      'INVALID_ARGUMENT',
      'options: expected an object as { dimension: 384 }',
    );
  }
  for (const name of Object.keys(options)) {
    if (name === 'dimension') continue;
    const nearest = nearestName(name, ['dimension']);
    const advice =
      nearest === undefined ? 'the only option is dimension' : `did you mean ${nearest}?`;
    throw new DatabaseError('INVALID_ARGUMENT', `${name}: unknown option; ${advice}`);
  }
  const { dimension = 384 } = options;
  if (!Number.isInteger(dimension) || dimension < dimensionMin || dimension > dimensionMax) {
    const range = `${dimensionMin} to ${dimensionMax}`;
    throw new DatabaseError(
      'INVALID_ARGUMENT',
      `dimension: expected an integer from ${range}, got ${String(dimension)}`,
    );
  }
  return dimension;
}

/** How often each word occurs, in the order of first occurrence. */
function countWords(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [word] of text.normalize('NFKC').toLowerCase().matchAll(wordPattern)) {
    const cut = word.length > wordLengthMax ? word.slice(0, wordLengthMax) : word;
    counts.set(cut, (counts.get(cut) ?? 0) + 1);
  }
  return counts;
}

/** Adds the word itself and its pieces, each half of `weight` squared. */
function addWord(sums: Float64Array, word: string, weight: number): void {
  let hash = wordSeed;
  for (let i = 0; i < word.length; i++) {
    hash = Math.imul(hash ^ word.charCodeAt(i), fnvPrime);
  }
  addFeature(sums, hash, weight * Math.SQRT1_2);

  const shortest = unspacedPattern.test(word) ? 1 : 3;
  const marked = `<${word}>`;
  const share = (weight * Math.SQRT1_2) / Math.sqrt(countPieces(marked.length, shortest));
  addPieces(sums, marked, shortest, share);
}

function countPieces(length: number, shortest: number): number {
  let pieces = 0;
  for (let size = shortest; size <= Math.min(5, length); size++) pieces += length - size + 1;
  return pieces;
}

/** Each start walks on to five code units; the hash of every prefix that is long enough is a feature. */
function addPieces(sums: Float64Array, marked: string, shortest: number, weight: number): void {
  const length = marked.length;
  for (let start = 0; start + shortest <= length; start++) {
    const end = Math.min(length, start + 5);
    let hash = pieceSeed;
    for (let i = start; i < end; i++) {
      hash = Math.imul(hash ^ marked.charCodeAt(i), fnvPrime);
      if (i - start + 1 >= shortest) addFeature(sums, hash, weight);
    }
  }
}

/** The lowest bit of the finished hash is the sign, the others choose the component. */
function addFeature(sums: Float64Array, hash: number, weight: number): void {
  let mixed = hash; // The finaliser of MurmurHash3.
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  mixed = (mixed ^ (mixed >>> 16)) >>> 0;
  sums[(mixed >>> 1) % sums.length] += (mixed & 1) === 0 ? weight : -weight;
}

function unitVector(sums: Float64Array): Float32Array {
  let squares = 0;
  for (let i = 0; i < sums.length; i++) squares += sums[i] * sums[i];
  const vector = new Float32Array(sums.length);
  if (squares < 1e-12) {
    vector[0] = 1; // No words, or words that cancel each other out.
    return vector;
  }
  const scale = 1 / Math.sqrt(squares);
  for (let i = 0; i < sums.length; i++) vector[i] = sums[i] * scale;
  return vector;
}
