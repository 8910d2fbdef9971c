/** Logging in and out. */
import { lastIdentity, type Access } from '@/api/access';
import { api, take, type Schemas } from '@/api/client';
import { ApiProblem } from '@/api/problem';
import { tellTabs } from '@/api/session';
import { emptyDraft, keepDraft } from '@/features/new-task/draft';
import { sayNow } from '@/i18n/words';
import { loginPath } from './next';
import { words } from './words';

export type Credentials = { readonly name: string; readonly password: string } | { readonly key: string };

const PERSON = 'lgma.person';

/** What one person began is not shown to the next one at this browser. Called before anything is drawn. */
export function handOver(access: Access): void {
  if (!access.is_required || access.identity === null) return;
  const now = access.identity.id;
  try {
    const before = localStorage.getItem(PERSON);
    if (before !== null && before !== now) keepDraft(emptyDraft());
    localStorage.setItem(PERSON, now);
  } catch {
    // Without storage there is no draft either.
  }
}

/** The session's cookie comes with the answer. Raises ApiProblem. */
export async function logIn(credentials: Credentials): Promise<Access> {
  // The generated type wants every field.
  const body: Schemas['LoginRequest'] = { name: null, password: null, key: null, ...credentials };
  try {
    const access = await take(api.POST('/api/v1/auth/login', { body }));
    tellTabs('in');
    return access;
  } catch (error) {
    if (!('key' in credentials) || !(error instanceof ApiProblem) || error.status !== 401) throw error;
    // The server's words for a missing credential do not fit one that was given.
    throw new ApiProblem({
      code: error.code,
      status: error.status,
      requestId: error.requestId,
      title: sayNow(words, 'key.refused'),
      message: sayNow(words, 'key.refused.text'),
      hint: sayNow(words, 'key.refused.do'),
    });
  }
}

/** Leaves the page: nothing of what was seen stays in memory. Raises ApiProblem. */
export async function logOut(): Promise<void> {
  await api.POST('/api/v1/auth/logout');
  tellTabs('out');
  location.replace(loginPath('/'));
}

/** The same for all of one's log-ins, wherever they are. Raises ApiProblem. */
export async function logOutEverywhere(): Promise<void> {
  await api.POST('/api/v1/auth/logout-everywhere');
  tellTabs('out');
  location.replace(loginPath('/'));
}

/** The name that somebody typed who was here, to begin with. */
export function lastName(): string {
  const identity = lastIdentity();
  return identity?.means === 'session' ? identity.name : '';
}
