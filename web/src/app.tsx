/** The composition root: the cache, the connection, the routes. */
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { accessQuery, isShut } from './api/access';
import { apiConfig, withLanguage } from './api/config';
import { createQueryClient } from './api/queries';
import { sessionRefused } from './api/session';
import { Connection } from './connection/connection';
import { ConnectionContext } from './connection/hooks';
import { browserWorld, type World } from './connection/world';
import { loginPath } from './features/login/next';
import { handOver } from './features/login/session';
import { ToastArea } from './parts/Toast';
import { startSettings } from './preferences/settings';
import { onPreferences, preferences } from './preferences/store';
import { createAppRouter } from './routes';

const queries = createQueryClient();

/** A socket does not say why it was refused, and a page that only listens asks for nothing else. */
async function lookWhoIsHere(): Promise<void> {
  if (!queries.getQueryData(accessQuery.queryKey)?.is_required) return;
  const access = await queries.fetchQuery({ ...accessQuery, staleTime: 0 }).catch(() => undefined);
  if (isShut(access)) sessionRefused(false);
}

const world: World = {
  ...browserWorld,
  open: (url, events) =>
    browserWorld.open(url, {
      ...events,
      onClose: () => {
        events.onClose();
        void lookWhoIsHere();
      },
    }),
};
const connection = new Connection(() => withLanguage(apiConfig().socketUrl, preferences().language), world);
const router = createAppRouter(queries);
let spoken = preferences().language;
onPreferences(() => {
  const { language } = preferences();
  if (language === spoken) return;
  spoken = language;
  // Frames are written in the language that the socket was opened with.
  connection.renew();
});

/**
 * Ask who is here, and go to where they want to be or to the way in; call before anything is drawn.
 *
 * A server that does not say counts as one that asks nobody: the page then tells that it is away.
 */
export async function begin(): Promise<void> {
  const access = await queries.fetchQuery(accessQuery).catch(() => undefined);
  const isWayIn = location.pathname === '/login';
  if (isShut(access)) {
    if (!isWayIn) router.history.replace(loginPath(location.pathname + location.search + location.hash));
    return;
  }
  if (access !== undefined) handOver(access);
  // A log-in loads the page anew.
  if (isWayIn) return;
  connection.start();
  startSettings(queries);
}

export function App() {
  return (
    <StrictMode>
      <QueryClientProvider client={queries}>
        <ConnectionContext value={connection}>
          <RouterProvider router={router} />
          <ToastArea />
        </ConnectionContext>
      </QueryClientProvider>
    </StrictMode>
  );
}
