/** What the new tables are like. Plain data. */
export interface TableSettings {
  readonly tree: number;
  readonly level: number;
  /** Tables are cut at about this size. */
  readonly tableBytes: number;
  readonly blockBytes: number;
  readonly codec: 'none' | 'lz4' | undefined;
  readonly filterBitsPerKey: number;
  readonly mergeOperator: 'adjacency' | 'counter' | 'pairs' | undefined;
  readonly layout: string | undefined;
}
