/** The dashboard; titles in it are words, so it is another one in another language. */
import { queryOptions } from '@tanstack/react-query';
import { api, take, type Schemas } from '@/api/client';

export type Dashboard = Schemas['DashboardModel'];

const REFRESH_MS = 60_000;

export function dashboardQuery(language: string) {
  return queryOptions({
    queryKey: ['analytics', 'dashboard', language],
    queryFn: async ({ signal }): Promise<Dashboard & { readonly at: string }> => {
      const { data, timestamp } = await take(api.GET('/api/v1/mvp2/analytics/dashboard', { signal }));
      return { ...data, at: timestamp };
    },
    staleTime: 10_000,
    refetchInterval: REFRESH_MS,
  });
}
