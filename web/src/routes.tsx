/** Every address of the front end. Pages load when they are first visited. */
import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { whileReachable } from './api/pages';
import { nextPath } from './features/login/next';
import { parseTaskSearch } from './features/task/search';
import { parseTasksSearch } from './features/tasks/search';
import { NotFound, PageError, PageLoading } from './frame/PageStates';
import { Surroundings } from './frame/Surroundings';

interface RouterContext {
  readonly queries: QueryClient;
}

const root = createRootRouteWithContext<RouterContext>()({ component: Surroundings, notFoundComponent: NotFound });

const start = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/tasks', replace: true });
  },
});

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: (search: Readonly<Record<string, unknown>>): { readonly next?: string } =>
    search['next'] === undefined ? {} : { next: nextPath(search['next'], location.origin) },
  component: lazyRouteComponent(whileReachable(() => import('./features/login/page')), 'LoginPage'),
});

const tasks = createRoute({
  getParentRoute: () => root,
  path: '/tasks',
  validateSearch: parseTasksSearch,
  component: lazyRouteComponent(whileReachable(() => import('./features/tasks/page')), 'TasksPage'),
});

const newTask = createRoute({
  getParentRoute: () => root,
  path: '/tasks/new',
  component: lazyRouteComponent(whileReachable(() => import('./features/new-task/page')), 'NewTaskPage'),
});

const task = createRoute({
  getParentRoute: () => root,
  path: '/tasks/$taskId',
  validateSearch: parseTaskSearch,
  component: lazyRouteComponent(whileReachable(() => import('./features/task/page')), 'TaskPage'),
});

const chat = createRoute({
  getParentRoute: () => root,
  path: '/chat',
  component: lazyRouteComponent(whileReachable(() => import('./features/chat/page')), 'ChatPage'),
});

const agents = createRoute({
  getParentRoute: () => root,
  path: '/agents',
  component: lazyRouteComponent(whileReachable(() => import('./features/agents/page')), 'AgentsPage'),
});

const analytics = createRoute({
  getParentRoute: () => root,
  path: '/analytics',
  component: lazyRouteComponent(whileReachable(() => import('./features/analytics/page')), 'AnalyticsPage'),
});

const system = createRoute({
  getParentRoute: () => root,
  path: '/system',
  component: lazyRouteComponent(whileReachable(() => import('./features/system/page')), 'SystemPage'),
});

const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  component: lazyRouteComponent(whileReachable(() => import('./features/settings/page')), 'SettingsPage'),
});

const tree = root.addChildren([start, login, tasks, newTask, task, chat, agents, analytics, system, settings]);

export function createAppRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queries },
    defaultPreload: 'intent',
    defaultPendingComponent: PageLoading,
    defaultErrorComponent: PageError,
    defaultPendingMs: 200,
    scrollRestoration: true,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
