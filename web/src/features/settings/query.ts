/** What the server says of its language model. */
import { queryOptions } from '@tanstack/react-query';
import { api, take } from '@/api/client';

export const modelQuery = queryOptions({
  queryKey: ['settings', 'model'],
  queryFn: ({ signal }) => take(api.GET('/api/v1/settings/model', { signal })),
  staleTime: 60_000,
});
