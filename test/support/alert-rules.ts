/**
 * Reads the alerts of deploy/prometheus and says of which the condition holds, from what a node's metrics page told before and tells now. It knows two
 * forms of expression, and refuses every other: `metric{labels} < number` and `increase(metric{labels}[time]) > number`. As in Prometheus a series that
 * was not there before has no increase.
 */
import { parse } from 'yaml';
import { z } from 'zod';
import { readSourceFiles } from './source-files.ts';

export type MetricSample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

export type AlertRule = {
  readonly alert: string;
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly isIncrease: boolean;
  readonly comparison: '<' | '>';
  readonly threshold: number;
};

const ruleFile = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Tampines\w+$/),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(['page', 'ticket']) }),
          annotations: z.strictObject({ summary: z.string().min(10), action: z.string().min(10) }),
        }),
      ),
    }),
  ),
});

const EXPRESSION = /^(increase\()?(\w+)(?:\{([^}]*)\})?(?:\[\d+m\]\))? ([<>]) (\d+)$/;

export function readAlertRules(): AlertRule[] {
  const [file] = readSourceFiles('deploy/prometheus', /alerts\.yml$/);
  return ruleFile.parse(parse(file!.text)).groups.flatMap(({ rules }) =>
    rules.map(({ alert, expr }) => {
      const found = EXPRESSION.exec(expr);
      if (found === null) throw new Error(`${alert} has an expression of a form that is not tested: ${expr}`);
      const [, increase, metric, labels = '', comparison, threshold] = found;
      return {
        alert,
        metric: metric!,
        labels: parseLabels(labels),
        isIncrease: increase !== undefined,
        comparison: comparison as '<' | '>',
        threshold: Number(threshold),
      };
    }),
  );
}

/** Of exposition text. */
export function parseMetrics(text: string): MetricSample[] {
  return text.split('\n').flatMap((line) => {
    const found = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    return found === null
      ? []
      : [{ name: found[1]!, labels: parseLabels(found[2] ?? ''), value: Number(found[3]) }];
  });
}

/** Names of the alerts whose condition holds. */
export function holdingAlerts(
  rules: readonly AlertRule[],
  before: readonly MetricSample[],
  now: readonly MetricSample[],
): string[] {
  const earlier = new Map(before.map((sample) => [seriesOf(sample), sample.value]));
  return rules
    .filter(({ metric, labels, isIncrease, comparison, threshold }) =>
      now
        .filter(({ name }) => name === metric)
        .filter((sample) => Object.entries(labels).every(([name, value]) => sample.labels[name] === value))
        .map((sample) =>
          isIncrease ? sample.value - (earlier.get(seriesOf(sample)) ?? sample.value) : sample.value,
        )
        .some((value) => (comparison === '<' ? value < threshold : value > threshold)),
    )
    .map(({ alert }) => alert);
}

function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!]));
}

function seriesOf({ name, labels }: MetricSample): string {
  return JSON.stringify([name, labels]);
}
