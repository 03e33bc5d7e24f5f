/** Where walks begin: a node of the topmost layer. It may be a ghost. */
export interface Entry {
  readonly node: number;
  readonly layer: number;
}
