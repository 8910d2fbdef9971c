/**
 * Words in two languages. An area defines its words once, `useWords(area)` gives a typed `say`.
 *
 * Keys are flat; `{{name}}` stands for a value. An English key may come as `key_one` and `key_other`
 * (with `count`); Chinese then has `key_other` only.
 */
import i18next, { type TFunction } from 'i18next';
import { useCallback } from 'react';
import { initReactI18next, useTranslation } from 'react-i18next';
import { onPreferences, preferences } from '@/preferences/store';

type Singular<K extends string> = K extends `${string}_one` ? K : never;
type Spoken<K extends string> = K extends `${infer Stem}_one` | `${infer Stem}_other` ? Stem : K;

export interface Area<K extends string> {
  readonly name: string;
  /** Not there at run time: carries the keys to `useWords`. */
  readonly keys?: K;
}

export type Values = Readonly<Record<string, string | number>>;
export type Say<K extends string> = (key: Spoken<K>, values?: Values) => string;

const LOCALES = { zh: 'zh-CN', en: 'en' } as const;

export function locale(): string {
  return LOCALES[preferences().language];
}

void i18next.use(initReactI18next).init({
  lng: locale(),
  fallbackLng: 'zh-CN',
  resources: {},
  keySeparator: false,
  nsSeparator: false,
  initAsync: false,
  interpolation: { escapeValue: false },
  react: { useSuspense: false, bindI18nStore: '' },
});
onPreferences(() => {
  if (i18next.language !== locale()) void i18next.changeLanguage(locale());
});

/** Make an area's words known. `name` is unique over the front end. */
export function defineWords<K extends string>(
  name: string,
  words: { readonly zh: Readonly<Record<Exclude<NoInfer<K>, Singular<NoInfer<K>>>, string>>; readonly en: Readonly<Record<K, string>> },
): Area<K> {
  i18next.addResourceBundle('zh-CN', name, words.zh);
  i18next.addResourceBundle('en', name, words.en);
  return { name };
}

function speak<K extends string>(t: TFunction, area: Area<K>, key: string, values?: Values): string {
  return t(key, { ...values, ns: area.name });
}

/** Words of an area in the language of now; the component is drawn again when it changes. */
export function useWords<K extends string>(area: Area<K>): Say<K> {
  const { t } = useTranslation(area.name);
  return useCallback((key: Spoken<K>, values?: Values) => speak(t, area, key, values), [t, area]);
}

/** The same outside of components. */
export function sayNow<K extends string>(area: Area<K>, key: Spoken<K>, values?: Values): string {
  return speak(i18next.t, area, key, values);
}

/** For codes that the server may extend: the word if there is one, else `otherwise`. */
export function known<K extends string>(area: Area<K>, key: string, otherwise: string, values?: Values): string {
  return i18next.exists(key, { ns: area.name }) ? speak(i18next.t, area, key, values) : otherwise;
}
