/** A progress line on a terminal's standard error; in a pipe nothing is written at all. */
import { formatCount, formatMs } from './human.ts';
import { shorten } from './printable.ts';

export interface ProgressState {
  readonly label: string;
  readonly done: number;
  /** Unknown for a pipe. */
  readonly total?: number | undefined;
  /** Singular, as `record`. */
  readonly noun: string;
  /** 0 to 1; what share of the input has been read, where `total` is unknown. */
  readonly share?: number | undefined;
  readonly elapsedMs: number;
}

const barWidth = 24;
const redrawMs = 100;

/** One line of at most `columns` characters: label, bar, share, count, rate and time left. */
export function progressLine(state: ProgressState, columns: number): string {
  const { label, done, total, noun, elapsedMs } = state;
  const share = total === undefined || total === 0 ? state.share : done / total;
  const parts = [label];
  if (share !== undefined) {
    const filled = Math.round(Math.min(1, Math.max(0, share)) * barWidth);
    parts.push(`${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`);
    parts.push(`${Math.floor(Math.min(1, share) * 100)}%`.padStart(4));
  }
  parts.push(formatCount(done, noun));
  if (elapsedMs >= 500 && done > 0) {
    parts.push(`${formatCount(Math.round((done / elapsedMs) * 1000), noun)}/s`);
    const isNearEnd = share === undefined || share <= 0.01 || share >= 1;
    if (!isNearEnd) parts.push(`${formatMs((elapsedMs / share) * (1 - share))} left`);
  }
  return shorten(parts.join('  '), Math.max(10, columns - 1));
}

/** Where a progress line is drawn: `process.stderr` or a stand-in. */
export interface ProgressTarget {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Draws at most ten times a second and leaves nothing behind. */
export class ProgressBar {
  readonly #target: ProgressTarget;
  readonly #label: string;
  readonly #noun: string;
  readonly #startMs: number = performance.now();
  #drawnMs = Number.NEGATIVE_INFINITY;
  #isDrawn = false;

  constructor(target: ProgressTarget, label: string, noun: string) {
    this.#target = target;
    this.#label = label;
    this.#noun = noun;
  }

  update(done: number, of: { total?: number | undefined; share?: number | undefined }): void {
    const now = performance.now();
    if (this.#target.isTTY !== true || now - this.#drawnMs < redrawMs) return;
    this.#drawnMs = now;
    this.#isDrawn = true;
    const elapsedMs = now - this.#startMs;
    const state = { label: this.#label, noun: this.#noun, done, elapsedMs, ...of };
    this.#target.write(`\r${progressLine(state, this.#target.columns ?? 80)}\u001b[K`);
  }

  /** Clears the line. Call it before anything else is printed. */
  clear(): void {
    if (this.#isDrawn) this.#target.write('\r\u001b[K');
    this.#isDrawn = false;
  }
}
