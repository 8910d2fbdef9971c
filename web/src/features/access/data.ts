/** Keys and users as the server has them, and changes to them. */
import { queryOptions, useMutation, useQueryClient, type UseMutationResult } from '@tanstack/react-query';
import type { Permission } from '@/api/access';
import { api, take, type Schemas } from '@/api/client';

export type Key = Schemas['KeyModel'];
export type NewKey = Schemas['NewKeyModel'];
export type User = Schemas['UserModel'];
export type Role = User['role'];
export const ROLES: readonly Role[] = ['viewer', 'user', 'operator', 'admin'];
export const PERMISSIONS: readonly Permission[] = [
  'tasks:read',
  'tasks:write',
  'chat',
  'system:read',
  'system:operate',
  'metrics:read',
  'data:export',
  'data:import',
  'access:manage',
  'audit:read',
];

export const keysQuery = queryOptions({
  queryKey: ['access', 'keys'],
  queryFn: async ({ signal }) => (await take(api.GET('/api/v1/keys', { signal }))).keys,
});

export const usersQuery = queryOptions({
  queryKey: ['access', 'users'],
  queryFn: async ({ signal }) => (await take(api.GET('/api/v1/users', { signal }))).users,
});

export type KeyState = 'valid' | 'expired' | 'revoked';

export function stateOf(key: Key, now: Date): KeyState {
  if (key.revoked_at !== null) return 'revoked';
  return key.expires_at !== null && Date.parse(key.expires_at) <= now.getTime() ? 'expired' : 'valid';
}

/** Days as typed: null for a key without an end, undefined for what is no number, which must not count as none. */
export function daysOf(typed: string): number | null | undefined {
  if (typed.trim() === '') return null;
  return /^\d{1,9}$/.test(typed.trim()) ? Number(typed) : undefined;
}

export interface UserChange {
  readonly user: User;
  readonly role?: Role;
  readonly password?: string;
  readonly is_enabled?: boolean;
}

/** Change a user; the list follows. */
export function useUserChange(onDone: (user: User) => void): UseMutationResult<User, Error, UserChange> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ user, ...changes }: UserChange) => {
      const body: Schemas['UserChange'] = { role: null, password: null, is_enabled: null, ...changes };
      return take(api.PATCH('/api/v1/users/{name}', { params: { path: { name: user.name } }, body }));
    },
    onSuccess: (user) => {
      void queries.invalidateQueries({ queryKey: usersQuery.queryKey });
      onDone(user);
    },
  });
}
