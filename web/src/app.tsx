/** The composition root: the cache, the connection, the routes. */
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { apiConfig, withLanguage } from './api/config';
import { createQueryClient } from './api/queries';
import { Connection } from './connection/connection';
import { ConnectionContext } from './connection/hooks';
import { browserWorld } from './connection/world';
import { ToastArea } from './parts/Toast';
import { startSettings } from './preferences/settings';
import { onPreferences, preferences } from './preferences/store';
import { createAppRouter } from './routes';

const queries = createQueryClient();
const connection = new Connection(() => withLanguage(apiConfig().socketUrl, preferences().language), browserWorld);
const router = createAppRouter(queries);
connection.start();
let spoken = preferences().language;
onPreferences(() => {
  const { language } = preferences();
  if (language === spoken) return;
  spoken = language;
  // Frames are written in the language that the socket was opened with.
  connection.renew();
});
startSettings(queries);

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
