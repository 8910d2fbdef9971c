/** Language, theme, density and currency: a person's settings on the server. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useId } from 'react';
import { locale, useWords } from '@/i18n/words';
import { ErrorNote, Segmented, toast } from '@/parts';
import { saveSettings, settingsQuery, sharedOf, useUnsaved } from '@/preferences/settings';
import { setPreferences, usePreferences, type Density, type Language, type Theme } from '@/preferences/store';
import { Section } from './Section';
import { words } from './words';

const LANGUAGES: readonly Language[] = ['zh', 'en'];
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
const DENSITIES: readonly Density[] = ['comfortable', 'compact'];
const CURRENCIES = ['CNY', 'USD', 'EUR', 'GBP', 'HKD', 'TWD', 'JPY', 'KRW', 'SGD', 'AUD', 'CAD', 'CHF', 'INR'] as const;

function nameOf(currency: string): string {
  const name = new Intl.DisplayNames([locale()], { type: 'currency' }).of(currency);
  return name === undefined || name === currency ? currency : `${name} (${currency})`;
}

export function Appearance() {
  const say = useWords(words);
  const id = useId();
  const queries = useQueryClient();
  const preferences = usePreferences();
  const unsaved = useUnsaved();
  const settings = useQuery(settingsQuery);
  const change = useMutation({
    mutationFn: (currency: string) => saveSettings(queries, { currency }),
    onError: (error) => toast.failed(error),
  });
  const currency = (change.isPending ? change.variables : undefined) ?? settings.data?.currency;
  const known: readonly string[] = CURRENCIES;
  return (
    <Section id="look" title={say('look')} note={say('look.note')}>
      {unsaved !== null && (
        <div>
          <p className="mb-2 text-sm">{say('unsaved')}</p>
          <ErrorNote error={unsaved} isCompact onRetry={() => void saveSettings(queries, sharedOf(preferences)).catch(() => undefined)} />
        </div>
      )}
      <Segmented
        label={say('language')}
        value={preferences.language}
        onChange={(language) => setPreferences({ language })}
        choices={LANGUAGES.map((one) => ({ value: one, label: say(`language.${one}`) }))}
      />
      <Segmented
        label={say('theme')}
        value={preferences.theme}
        onChange={(theme) => setPreferences({ theme })}
        choices={THEMES.map((one) => ({ value: one, label: say(`theme.${one}`) }))}
      />
      <Segmented
        label={say('density')}
        value={preferences.density}
        onChange={(density) => setPreferences({ density })}
        choices={DENSITIES.map((one) => ({ value: one, label: say(`density.${one}`) }))}
      />
      <div>
        <label htmlFor={id} className="mb-1 block text-sm font-medium text-muted">
          {say('currency')}
        </label>
        {settings.error ? (
          <ErrorNote error={settings.error} isCompact onRetry={() => void settings.refetch()} />
        ) : (
          <select
            id={id}
            value={currency ?? ''}
            disabled={settings.isPending}
            onChange={(event) => change.mutate(event.target.value)}
            className="field max-w-xs"
            aria-describedby={`${id}-note`}
          >
            {currency === undefined && <option value="" />}
            {[...(currency === undefined || known.includes(currency) ? [] : [currency]), ...known].map((one) => (
              <option key={one} value={one}>
                {nameOf(one)}
              </option>
            ))}
          </select>
        )}
        <p id={`${id}-note`} className="mt-1 text-sm text-muted">
          {say('currency.note')}
        </p>
      </div>
    </Section>
  );
}
