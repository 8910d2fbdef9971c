/**
 * Who the server takes this browser for, and what they may do.
 *
 * Invariant: what is offered follows the last answer that named somebody, so a session that ends takes nothing off the
 * page; the server decides anyway.
 */
import { queryOptions, useQuery } from '@tanstack/react-query';
import { useCallback } from 'react';
import { api, take, type Schemas } from './client';
import { send } from './transport';

export type Access = Schemas['Access'];
export type Identity = Schemas['Identity'];
export type Permission = Schemas['Permission'];

/** The first page waits for the answer: one that is away must not hold it up. */
const PATIENCE = { deadlineMs: 5000, retries: 0 } as const;

let last: Identity | null = null;

/** The newest identity that was heard of on this page; null: none yet. */
export function lastIdentity(): Identity | null {
  return last;
}

export const accessQuery = queryOptions({
  queryKey: ['auth', 'me'],
  queryFn: async ({ signal }) => {
    const access = await take(api.GET('/api/v1/auth/me', { signal, fetch: (request) => send(request, PATIENCE) }));
    last = access.identity ?? last;
    return access;
  },
  staleTime: 30_000,
});

/** Whether nobody is logged in where somebody has to be. */
export function isShut(access: Access | undefined): boolean {
  return access !== undefined && access.is_required && access.identity === null;
}

/** Whether the person may do something; yes while that is not known. */
export function useMay(): (permission: Permission) => boolean {
  const { data } = useQuery(accessQuery);
  const identity = data?.identity ?? last;
  return useCallback((permission) => identity === null || identity.permissions.includes(permission), [identity]);
}
