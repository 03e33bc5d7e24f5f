/** Collects the rounds of each phase and makes rows of them: medians, and the worst of the maxima. */
import type { Report, Row } from '../harness/report.ts';
import { median, spread } from '../harness/statistics.ts';
import type { Measure } from './phases.ts';

interface Series {
  readonly subject: string;
  readonly config: Row['config'];
  readonly rounds: Measure[];
}

export class Results {
  readonly #speedName: string;
  readonly #series = new Map<string, Series>();

  constructor(speedName: 'entriesPerSecond' | 'operationsPerSecond') {
    this.#speedName = speedName;
  }

  /** Rounds of the same subject and `config` belong together. */
  add(subject: string, config: Row['config'], measure: Measure): void {
    const key = JSON.stringify([subject, config]);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { subject, config, rounds: [] };
      this.#series.set(key, series);
    }
    series.rounds.push(measure);
  }

  rows(report: Report): Row[] {
    return [...this.#series.values()].map(({ subject, config, rounds }) => {
      const speeds = rounds.map(({ operations, seconds }) => operations / seconds);
      const metrics: Record<string, number> = {
        [this.#speedName]: median(speeds),
        spread: spread(speeds),
        rounds: rounds.length,
      };
      for (const name of Object.keys(rounds[0].metrics)) {
        const values = rounds.map(({ metrics: each }) => each[name]);
        metrics[name] = /max|longest/i.test(name) ? Math.max(...values) : median(values);
      }
      return report.row(subject, config, metrics);
    });
  }
}
