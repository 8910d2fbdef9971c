/** Durations of work; what took no time to speak of is not shown as zero. */
import { formatDuration } from '@/i18n/format';

const LEAST_S = 0.1;

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return value < LEAST_S ? `< ${formatDuration(LEAST_S)}` : formatDuration(value);
}
