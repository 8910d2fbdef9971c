/** The composition root: the cache, the connection, the routes. */
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { apiConfig } from './api/config';
import { createQueryClient } from './api/queries';
import { Connection } from './connection/connection';
import { ConnectionContext } from './connection/hooks';
import { browserWorld } from './connection/world';
import { ToastArea } from './parts/Toast';
import { startSettings } from './preferences/settings';
import { createAppRouter } from './routes';

const queries = createQueryClient();
const connection = new Connection(apiConfig().socketUrl, browserWorld);
const router = createAppRouter(queries);
connection.start();
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
