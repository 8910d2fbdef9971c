/** The cache of answers, and when to ask again. */
import { QueryClient } from '@tanstack/react-query';
import { asProblem } from './problem';

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // `send` has retried already; what comes after that is told to the person.
        retry: false,
        staleTime: 5000,
        gcTime: 5 * 60_000,
        throwOnError: false,
        networkMode: 'always',
        refetchOnWindowFocus: (query) => query.state.error === null || asProblem(query.state.error).isPassing,
      },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}
