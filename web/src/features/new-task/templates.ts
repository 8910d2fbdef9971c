/**
 * Beginnings for what the built-in team does without a model: tables, the handbook, documents.
 *
 * The data set is the one of `lgma demo`: weather of Seattle, observed by NOAA, in the public domain.
 */
import weatherUrl from '../../../../src/langgraph_multi_agent/demo/seattle-weather.csv?url';
import { sayNow } from '@/i18n/words';
import { emptyDraft, keepDraft, type Draft } from './draft';
import { words } from './words';

export const TEMPLATES = ['data', 'research', 'document'] as const;
export type Template = (typeof TEMPLATES)[number];

export const WEATHER_NAME = 'seattle-weather.csv';

/** A draft that begins as the template does; options that were set already stay. */
export function begun(template: Template, from: Draft): Draft {
  return {
    ...from,
    key: emptyDraft().key,
    title: sayNow(words, `template.${template}.name`),
    description: sayNow(words, `template.${template}.text`),
    hasWeather: template === 'data',
  };
}

/** Make it the draft that the page of a new task opens with. */
export function beginWith(template: Template): void {
  keepDraft(begun(template, emptyDraft()));
}

/** The bundled data set. Raises what `fetch` raises. */
export async function weatherFile(): Promise<File> {
  const answer = await fetch(weatherUrl);
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return new File([await answer.blob()], WEATHER_NAME, { type: 'text/csv' });
}
