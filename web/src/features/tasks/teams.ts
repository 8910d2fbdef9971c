/** The teams that can be asked, with their titles in the language of now. */
import { queryOptions } from '@tanstack/react-query';
import { api, take } from '@/api/client';

export const teamsQuery = queryOptions({
  queryKey: ['teams'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/teams', { signal })),
  staleTime: 5 * 60_000,
});

type Titled = { readonly name: string; readonly title: string; readonly titles: Readonly<Record<string, string>> };

/** The title in a language: the answer is kept while the language changes. */
export function titleOf(one: Titled, language: string): string {
  return one.titles[language] ?? (one.title || one.name);
}
