/** Where a log-in leads back to. Pure. */

const HOME = '/tasks';
const LOGIN = '/login';

/** A path of this origin; anything else, as an address of elsewhere, leads to the tasks. */
export function nextPath(wanted: unknown, origin: string): string {
  if (typeof wanted !== 'string' || !/^\/(?![/\\])/.test(wanted)) return HOME;
  try {
    const url = new URL(wanted, origin);
    // `//host` may also come of dots and of characters that the parser drops.
    if (url.origin !== origin || /^\/[/\\]/.test(url.pathname)) return HOME;
    if (url.pathname === LOGIN || url.pathname.startsWith('/api/')) return HOME;
    return url.pathname + url.search + url.hash;
  } catch {
    return HOME;
  }
}

/** The address of the log-in page that leads back to a path. */
export function loginPath(next: string): string {
  return next === '/' || next === HOME ? LOGIN : `${LOGIN}?${new URLSearchParams({ next }).toString()}`;
}
